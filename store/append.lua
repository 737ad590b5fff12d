-- Land posts in a room's log, one after the other: check each one's nonce and rate,
-- give it its id, store it. Then announce what was new, all at once.
--
-- The first write is a SET, which a full Redis refuses, and the whole step with it; what it does
-- not refuse, such as GETEX and DEL, comes after.
--
-- KEYS  1 head  2 log  3… four a post: nonce, rate, nickname, its session's tokens
-- ARGV  1 HISTORY_SIZE  2 HISTORY_BYTES  3 HISTORY_TTL ms (0 = forever)  4 nonce ttl ms
--       5 microseconds between two messages (0 = no limit)  6 burst  7 SPUBLISH or PUBLISH
--       8 channel  9 seconds that a nickname is held after its last use
--       10 1 if the room may begin with this step, else 0
--       11… six a post: payload, what identifies it (the digest of its text, a space, its
--          `at`), session, and what the nickname must be: 'held' by the session, 'free' or
--          so, or 'checked' before, with the token; generation and id of the token
--
-- Returns for each post its id, or one of
-- {'ended'} · {'name'} · {'new'} · {'dup', id, at, payload or ''} · {'reused'} · {'limited', microseconds}
local first_key, keys_a_post, first_arg, args_a_post = 3, 4, 11, 6
local head, log = KEYS[1], KEYS[2]
local size, limit, nonce_ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4]
local interval, burst = tonumber(ARGV[5]), tonumber(ARGV[6])
local now = clock()
local epoch, seq, history, sum = next_id(head, log, now)
local began_at = seq
local may_begin = seq > 0 or ARGV[10] == '1'
local announced = {}
local tats, holders = {}, {} -- by key: posts of one group often have a sender in common

-- What a nonce stands for that came before.
local function repeated(nonce, identity)
  local id, digest, at = string.match(redis.call('GET', nonce), '^(%S+) (%S+) (%S+)$')
  if digest ~= string.match(identity, '^%S+') then return {'reused'} end
  local entry = redis.call('XRANGE', log, id, id)
  return {'dup', id, at, entry[1] and entry[1][2][2] or ''}
end

local function add(id, payload) return redis.pcall('XADD', log, id, 'e', payload) end

-- Whether a session may use a nickname; if it holds it, it does from now on anew.
local function may_use(name, session, must)
  if must == 'checked' then return true end
  local holder = holders[must .. name]
  if holder == nil then
    if must == 'free' then
      holder = redis.call('GET', name)
    else
      holder = redis.call('GETEX', name, 'EX', ARGV[9])
    end
    holders[must .. name] = holder
  end
  return holder == session or must == 'free' and not holder
end

-- Whether the session's token counts, if there is a session to a post.
local function may_speak(tokens, session, must, generation, id)
  return must == 'checked' or session == '' or token_counts(tokens, generation, id)
end

-- Returns 0 if the rate lets a post pass, which is then counted, or the microseconds to wait.
local function charge(rate)
  if interval <= 0 then return 0 end
  local tat, wait = gcra(tats[rate] or read_tat(rate, now), now, interval, burst)
  if wait == 0 then tats[rate] = tat end
  return wait
end

local function land(nonce, rate, name, payload, identity, session, must)
  if not may_begin and redis.call('EXISTS', nonce) == 0 then return {'new'} end
  local id = epoch .. '-' .. string.format('%d', seq)
  -- The nonce comes first: a repeated request gets its answer and is not charged. And a full
  -- Redis refuses a SET, which it would not once it had taken a GETEX.
  if not redis.call('SET', nonce, id .. ' ' .. identity, 'PX', nonce_ttl, 'NX') then
    return repeated(nonce, identity)
  end
  if not may_use(name, session, must) then
    redis.call('DEL', nonce)
    return {'name'}
  end
  local wait = charge(rate)
  if wait > 0 then
    redis.call('DEL', nonce)
    return {'limited', wait}
  end
  local added = add(id, payload)
  if type(added) == 'table' and added.err then
    -- The head is behind the log: an old copy of it was restored. The log is right.
    local e, s = last_entry(log)
    if e then epoch, seq, sum = e, s, nil end
    id = epoch .. '-' .. string.format('%d', seq)
    added = add(id, payload)
    if type(added) == 'table' and added.err then
      redis.call('DEL', nonce)
      return added
    end
    redis.call('SET', nonce, id .. ' ' .. identity, 'PX', nonce_ttl)
  end
  seq = seq + 1
  sum = sum and sum + #payload + entry_overhead
  announced[#announced + 1] = id
  announced[#announced + 1] = payload
  return id
end

local replies = {}
for i = 0, (#KEYS - first_key + 1) / keys_a_post - 1 do
  local k, a = first_key + keys_a_post * i, first_arg + args_a_post * i
  if may_speak(KEYS[k + 3], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]) then
    replies[i + 1] = land(KEYS[k], KEYS[k + 1], KEYS[k + 2], ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3])
  else
    replies[i + 1] = {'ended'}
  end
end
for rate, tat in pairs(tats) do write_tat(rate, now, tat) end
if #announced > 0 then
  local next = string.format('%d', seq)
  -- Up to 64 messages too many are let wait, but no bytes.
  if not sum or sum > limit or math.floor(seq / 64) > math.floor(began_at / 64) then
    sum = trim_log(head, log, sum, announced, seq, size, limit)
  end
  redis.call('HSET', head, 'epoch', epoch, 'next', next, 'history', history,
    'bytes', string.format('%.0f', sum), 'counted', next)
  if ARGV[3] ~= '0' then
    redis.call('PEXPIRE', head, ARGV[3])
    redis.call('PEXPIRE', log, ARGV[3])
  end
  announce(ARGV[7], ARGV[8], table.concat(announced, '\n'))
end
return replies
