-- Land posts in a room's log, one after the other: check each one's nonce and rate,
-- give it its id, store it. Then announce what was new, all at once.
--
-- KEYS  1 head  2 log  3… three a post: nonce, rate, nickname
-- ARGV  1 HISTORY_SIZE  2 HISTORY_TTL ms (0 = forever)  3 nonce ttl ms
--       4 microseconds between two messages (0 = no limit)  5 burst  6 SPUBLISH or PUBLISH
--       7 channel  8 seconds that a nickname is held after its last use
--       9… five a post: payload, digest of the text, the message's `at`, session, and
--          what the nickname must be: 'held' by the session, 'free' or so, or 'checked' before
--
-- Returns for each post its id, or one of
-- {'name'} · {'dup', id, at, payload or ''} · {'reused'} · {'limited', microseconds}
local head, log = KEYS[1], KEYS[2]
local size, nonce_ttl, interval, burst = ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local now = clock()
local epoch, seq, history = next_id(head, log, now)
local announced = {}

-- What a nonce stands for that came before.
local function repeated(nonce, text_digest)
  local id, digest, at = string.match(redis.call('GET', nonce), '^(%S+) (%S+) (%S+)$')
  if digest ~= text_digest then return {'reused'} end
  local entry = redis.call('XRANGE', log, id, id)
  return {'dup', id, at, entry[1] and entry[1][2][2] or ''}
end

local function add(id, payload)
  return redis.pcall('XADD', log, 'MAXLEN', '~', size, id, 'e', payload)
end

-- Whether a session may use a nickname; if it holds it, it does from now on anew.
local function may_use(name, session, must)
  if must == 'checked' then return true end
  if must == 'free' then
    local holder = redis.call('GET', name)
    return not holder or holder == session
  end
  return redis.call('GETEX', name, 'EX', ARGV[8]) == session
end

local function land(nonce, rate, payload, digest, at)
  local id = epoch .. '-' .. string.format('%.0f', seq)
  -- The nonce comes first: a repeated request gets its answer and is not charged.
  if not redis.call('SET', nonce, id .. ' ' .. digest .. ' ' .. at, 'PX', nonce_ttl, 'NX') then
    return repeated(nonce, digest)
  end
  local wait = gcra(rate, now, interval, burst)
  if wait > 0 then
    redis.call('DEL', nonce)
    return {'limited', wait}
  end
  local added = add(id, payload)
  if type(added) == 'table' and added.err then
    -- The head is behind the log: an old copy of it was restored. The log is right.
    local e, s = last_entry(log)
    if e then epoch, seq = e, s end
    id = epoch .. '-' .. string.format('%.0f', seq)
    added = add(id, payload)
    if type(added) == 'table' and added.err then
      redis.call('DEL', nonce)
      return added
    end
    redis.call('SET', nonce, id .. ' ' .. digest .. ' ' .. at, 'PX', nonce_ttl)
  end
  seq = seq + 1
  announced[#announced + 1] = id .. '\n' .. payload
  return id
end

local replies = {}
for i = 0, (#KEYS - 2) / 3 - 1 do
  local k, a = 3 + 3 * i, 9 + 5 * i
  if may_use(KEYS[k + 2], ARGV[a + 3], ARGV[a + 4]) then
    replies[i + 1] = land(KEYS[k], KEYS[k + 1], ARGV[a], ARGV[a + 1], ARGV[a + 2])
  else
    replies[i + 1] = {'name'}
  end
end
if #announced > 0 then
  redis.call('HSET', head, 'epoch', epoch, 'next', string.format('%.0f', seq), 'history', history)
  if ARGV[2] ~= '0' then
    redis.call('PEXPIRE', head, ARGV[2])
    redis.call('PEXPIRE', log, ARGV[2])
  end
  announce(ARGV[6], ARGV[7], table.concat(announced, '\n'))
end
return replies
