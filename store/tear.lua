-- Begin a new epoch for a whole log if it lost an event that it once had. What is left
-- is kept, under new ids: then every position that anybody has from before is a gap,
-- also of those who had not come to what was lost.
--
-- A full Redis does not refuse it, since it begins with a DEL. It need not, for what it moves it
-- does not keep twice; and readers who were not told of what is lost would be wrong for good.
--
-- KEYS  1 head  2 log  3 where the log is moved to
-- ARGV  1 epoch  2 seq of the event  3 HISTORY_TTL ms (0 = forever)  4 SPUBLISH or PUBLISH
--       5 channel
--
-- Returns the new epoch, or 0 if the event is there, or was let go of, or is of no epoch
-- of this log.
local head, log, moved = KEYS[1], KEYS[2], KEYS[3]
local epoch, next = read_head(head, log)
if not epoch then return 0 end
local stop = end_of(read_epochs(log, epoch, next), next, ARGV[1])
if not stop or tonumber(ARGV[2]) < stop then return 0 end

local ms = math.floor(clock() / 1000)
local fresh = string.format('%.0f', math.max(ms, tonumber(epoch) + 1))
redis.call('DEL', moved)
local left = redis.call('XLEN', log)
while left > 0 do
  local entries = redis.call('XRANGE', log, '-', '+', 'COUNT', 100)
  for _, entry in ipairs(entries) do
    redis.call('XADD', moved, fresh .. string.match(entry[1], '-%d+$'), unpack(entry[2]))
  end
  left = left - #entries
  redis.call('XTRIM', log, 'MAXLEN', string.format('%.0f', left))
end
if redis.call('EXISTS', moved) == 1 then redis.call('RENAME', moved, log) end
redis.call('HSET', head, 'epoch', fresh, 'next', string.format('%.0f', next), 'history', current_history())
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', head, ARGV[3])
  redis.call('PEXPIRE', log, ARGV[3])
end
announce(ARGV[4], ARGV[5], '\ntorn\n{}')
return tonumber(fresh)
