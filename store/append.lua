-- Check the nonce and the rate, give the message its id, store it, announce it.
--
-- KEYS  1 head  2 log  3 nonce  4 rate
-- ARGV  1 payload  2 digest of the text  3 the message's `at`
--       4 HISTORY_SIZE  5 HISTORY_TTL ms (0 = forever)  6 nonce ttl ms
--       7 microseconds between two messages (0 = no limit)  8 burst  9 channel
--
-- Returns {'ok', id} · {'dup', id, at, payload or ''} · {'reused'} · {'limited', microseconds}

-- The nonce comes first: a repeated request gets its answer and is not charged.
local seen = redis.call('GET', KEYS[3])
if seen then
  local id, digest, at = string.match(seen, '^(%S+) (%S+) (%S+)$')
  if digest ~= ARGV[2] then return {'reused'} end
  local entry = redis.call('XRANGE', KEYS[2], id, id)
  return {'dup', id, at, entry[1] and entry[1][2][2] or ''}
end

local wait = gcra(KEYS[4], tonumber(ARGV[7]), tonumber(ARGV[8]))
if wait > 0 then return {'limited', wait} end

local epoch, seq = read_head(KEYS[1], KEYS[2])
if not epoch then
  local t = redis.call('TIME')
  epoch, seq = string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)), 0
end

local function add()
  local id = epoch .. '-' .. string.format('%.0f', seq)
  return id, redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], id, 'e', ARGV[1])
end
local id, added = add()
if type(added) == 'table' and added.err then
  -- The head is behind the log: an old copy of it was restored. The log is right.
  local e, s = last_entry(KEYS[2])
  if e then epoch, seq = e, s end
  id, added = add()
  if type(added) == 'table' and added.err then return added end
end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'next', string.format('%.0f', seq + 1))
if tonumber(ARGV[5]) > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
redis.call('SET', KEYS[3], id .. ' ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[6])
redis.call('PUBLISH', ARGV[9], id .. '\n' .. ARGV[1])
return {'ok', id}
