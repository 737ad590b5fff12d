-- Land posts in a room's log, one after the other: check each one's nonce and rate,
-- give it its id, store it. Then announce what was new, all at once.
--
-- KEYS  1 head  2 log  3… four a post: nonce, rate, nickname, its session's tokens
-- ARGV  1 HISTORY_SIZE  2 HISTORY_TTL ms (0 = forever)  3 nonce ttl ms
--       4 microseconds between two messages (0 = no limit)  5 burst  6 SPUBLISH or PUBLISH
--       7 channel  8 seconds that a nickname is held after its last use
--       9… six a post: payload, what identifies it (the digest of its text, a space, its
--          `at`), session, and what the nickname must be: 'held' by the session, 'free' or
--          so, or 'checked' before, with the token; generation and id of the token
--
-- Returns for each post its id, or one of
-- {'ended'} · {'name'} · {'dup', id, at, payload or ''} · {'reused'} · {'limited', microseconds}
local head, log = KEYS[1], KEYS[2]
local size, nonce_ttl, interval, burst = ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local now = clock()
local epoch, seq, history = next_id(head, log, now)
local announced = {}
local tats, holders = {}, {} -- by key: posts of one group often have a sender in common

-- What a nonce stands for that came before.
local function repeated(nonce, identity)
  local id, digest, at = string.match(redis.call('GET', nonce), '^(%S+) (%S+) (%S+)$')
  if digest ~= string.match(identity, '^%S+') then return {'reused'} end
  local entry = redis.call('XRANGE', log, id, id)
  return {'dup', id, at, entry[1] and entry[1][2][2] or ''}
end

local function add(id, payload)
  return redis.pcall('XADD', log, 'MAXLEN', '~', size, id, 'e', payload)
end

-- Whether a session may use a nickname; if it holds it, it does from now on anew.
local function may_use(name, session, must)
  if must == 'checked' then return true end
  local holder = holders[must .. name]
  if holder == nil then
    if must == 'free' then
      holder = redis.call('GET', name)
    else
      holder = redis.call('GETEX', name, 'EX', ARGV[8])
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

local function land(nonce, rate, payload, identity)
  local id = epoch .. '-' .. string.format('%d', seq)
  -- The nonce comes first: a repeated request gets its answer and is not charged.
  if not redis.call('SET', nonce, id .. ' ' .. identity, 'PX', nonce_ttl, 'NX') then
    return repeated(nonce, identity)
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
    if e then epoch, seq = e, s end
    id = epoch .. '-' .. string.format('%d', seq)
    added = add(id, payload)
    if type(added) == 'table' and added.err then
      redis.call('DEL', nonce)
      return added
    end
    redis.call('SET', nonce, id .. ' ' .. identity, 'PX', nonce_ttl)
  end
  seq = seq + 1
  announced[#announced + 1] = id
  announced[#announced + 1] = payload
  return id
end

local replies = {}
for i = 0, (#KEYS - 2) / 4 - 1 do
  local k, a = 3 + 4 * i, 9 + 6 * i
  if not may_speak(KEYS[k + 3], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]) then
    replies[i + 1] = {'ended'}
  elseif may_use(KEYS[k + 2], ARGV[a + 2], ARGV[a + 3]) then
    replies[i + 1] = land(KEYS[k], KEYS[k + 1], ARGV[a], ARGV[a + 1])
  else
    replies[i + 1] = {'name'}
  end
end
for rate, tat in pairs(tats) do write_tat(rate, now, tat) end
if #announced > 0 then
  redis.call('HSET', head, 'epoch', epoch, 'next', string.format('%d', seq), 'history', history)
  if ARGV[2] ~= '0' then
    redis.call('PEXPIRE', head, ARGV[2])
    redis.call('PEXPIRE', log, ARGV[2])
  end
  announce(ARGV[6], ARGV[7], table.concat(announced, '\n'))
end
return replies
