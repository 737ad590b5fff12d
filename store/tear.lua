-- Begin a new epoch for a whole log if it lost an event that it once had. What is left
-- is kept, under new ids: then every position that anybody has from before is a gap,
-- also of those who had not come to what was lost.
--
-- KEYS  1 head  2 log  3 where the copy is made
-- ARGV  1 epoch  2 seq of the event  3 HISTORY_TTL ms (0 = forever)  4 SPUBLISH or PUBLISH
--       5 channel
--
-- Returns the new epoch, or 0 if the event is there, or was let go of, or is of no epoch
-- of this log.
local head, log, copy = KEYS[1], KEYS[2], KEYS[3]
local epoch, next = read_head(head, log)
if not epoch then return 0 end
local stop = end_of(read_epochs(log, epoch, next), next, ARGV[1])
if not stop or tonumber(ARGV[2]) < stop then return 0 end

local ms = math.floor(clock() / 1000)
local fresh = string.format('%.0f', math.max(ms, tonumber(epoch) + 1))
redis.call('DEL', copy)
local from, entries = '-'
repeat
  entries = redis.call('XRANGE', log, from, '+', 'COUNT', 500)
  for _, entry in ipairs(entries) do
    redis.call('XADD', copy, fresh .. string.match(entry[1], '-%d+$'), unpack(entry[2]))
    from = '(' .. entry[1]
  end
until #entries < 500
if redis.call('EXISTS', copy) == 1 then redis.call('RENAME', copy, log) end
redis.call('HSET', head, 'epoch', fresh, 'next', string.format('%.0f', next), 'history', current_history())
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', head, ARGV[3])
  redis.call('PEXPIRE', log, ARGV[3])
end
announce(ARGV[4], ARGV[5], '\ntorn\n{}')
return tonumber(fresh)
