-- Bring a room's presence up to date with what one instance knows, renew that
-- instance's lease, and bury the instances whose lease ran out.
--
-- KEYS  1 instances  2 here:<this instance>  3 roster  4 named  5 told
-- ARGV  1 this instance  2 lease ms  3 channel  4 `at` of notices  5 NOTICE_LIMIT (people with a nickname)
--       6 the stem of every here key  7 how many sessions of dead instances at most
--       8 SPUBLISH or PUBLISH  9 the least ms between two announcements of the counts
--       10… changes, four each: op, session, nickname (or ''), nickname before (or '')
--           op: join · again (join without notice) · leave · rename
--
-- here:<other> keys are made from ARGV[6]: they have the room's hash tag as well.
--
-- Who comes is written first, by HSETNX or HSET: a full Redis refuses them, and the whole step with
-- them. One with nobody who comes begins with an EXPIRE or an HDEL, which it does not refuse: those
-- who left are counted out and the lease is renewed, which takes no more memory than before.
--
-- Returns {participants, named, 1 if this instance was registered before, 1 if dead
-- sessions are left for the next run, in how many ms to come again since the counts are
-- left unsaid, or 0}
local instances, here, roster, named, told = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now = math.floor(clock() / 1000)
local lease = tonumber(ARGV[2])

local known = redis.call('EXISTS', here)
local people, names = redis.call('HLEN', roster), redis.call('HLEN', named)
local notices = {}

local function notice(kind, session, nick, was)
  local json = '{"kind":"' .. kind .. '","who":{"id":' .. cjson.encode(session) ..
    ',"nickname":' .. cjson.encode(nick) .. '}'
  if was then json = json .. ',"was":' .. cjson.encode(was) end
  notices[#notices + 1] = {kind = kind, json = json .. ',"at":"' .. ARGV[4] .. '"}'}
end

local function join(session, nick, quiet)
  if redis.call('HSETNX', here, session, nick) == 1 then
    redis.call('HINCRBY', roster, session, 1)
  end
  -- Who is here under a name already, through another instance, has joined already;
  -- and that name is the later one, if they differ: a rename reaches everyone.
  if nick == '' or redis.call('HSETNX', named, session, nick) == 0 or quiet then return end
  notice('join', session, nick)
end

local function rename(session, nick, was)
  if redis.call('HEXISTS', roster, session) == 0 then return end
  if redis.call('HEXISTS', here, session) == 1 then redis.call('HSET', here, session, nick) end
  local old = redis.call('HGET', named, session)
  if nick == '' then -- the name was given up; the reader is still there
    if redis.call('HDEL', named, session) == 1 then notice('leave', session, old) end
    return
  end
  if old == nick then return end
  redis.call('HSET', named, session, nick)
  old = old or was
  if old == '' then notice('join', session, nick) else notice('rename', session, nick, old) end
end

local function leave(from, session)
  if redis.call('HDEL', from, session) == 0 then return end
  if redis.call('HINCRBY', roster, session, -1) > 0 then return end
  redis.call('HDEL', roster, session)
  local nick = redis.call('HGET', named, session)
  if nick then
    redis.call('HDEL', named, session)
    notice('leave', session, nick)
  end
end

local function announce_counts(people, names)
  announce(ARGV[8], ARGV[3], '\npresence\n{"participants":' .. people .. ',"named":' .. names .. '}')
end

-- This instance first, so that who came over from a dead one never left.
for i = 10, #ARGV, 4 do
  local op, session, nick, was = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if op == 'join' then join(session, nick, false)
  elseif op == 'again' then join(session, nick, true)
  elseif op == 'rename' then rename(session, nick, was)
  end
end
redis.call('PEXPIRE', instances, lease * 6)
for i = 10, #ARGV, 4 do
  if ARGV[i] == 'leave' then leave(here, ARGV[i + 1]) end
end

-- If nobody's lease holds, nobody could renew: Redis was away, for the living too. They
-- get a third of a lease to come back; the half millisecond marks that they had it.
local newest = redis.call('ZREVRANGE', instances, 0, 0, 'WITHSCORES')
local held_until = tonumber(newest[2] or now + 1)
if held_until <= now and held_until % 1 == 0 then
  for _, instance in ipairs(redis.call('ZRANGE', instances, 0, -1)) do
    redis.call('ZADD', instances, string.format('%.1f', now + math.floor(lease / 3) + 0.5), instance)
  end
end

local left, more = tonumber(ARGV[7]), 0
local dead = redis.call('ZRANGEBYSCORE', instances, '-inf', string.format('%.0f', now), 'LIMIT', 0, 16)
for _, instance in ipairs(dead) do
  if instance ~= ARGV[1] then
    -- What is buried gets another name first: should the instance live after all, it finds
    -- itself forgotten and registers everyone again, instead of those not yet buried only.
    local grave = string.match(instance, '^(.*)%+$') and instance or instance .. '+'
    if grave ~= instance and redis.call('EXISTS', ARGV[6] .. grave) == 0 then
      if redis.call('EXISTS', ARGV[6] .. instance) == 1 then
        redis.call('RENAME', ARGV[6] .. instance, ARGV[6] .. grave)
        redis.call('ZADD', instances, 0, grave)
      end
      redis.call('ZREM', instances, instance)
    end
    local theirs = ARGV[6] .. grave
    local found = redis.call('HSCAN', theirs, 0, 'COUNT', math.max(left, 1))
    for i = 1, #found[2], 2 do
      if left <= 0 then break end
      leave(theirs, found[2][i])
      left = left - 1
    end
    if redis.call('EXISTS', theirs) == 1 then more = 1 break end
    redis.call('ZREM', instances, grave)
  end
end

if redis.call('EXISTS', here) == 1 then
  redis.call('ZADD', instances, string.format('%.0f', now + lease), ARGV[1])
else
  redis.call('ZREM', instances, ARGV[1])
end
local people_now, names_now = redis.call('HLEN', roster), redis.call('HLEN', named)
-- Those with a nickname are counted, and no others: streams are to be had for nothing. A
-- rename is told in a room of any size, for what was said there stands under the old name.
for _, n in ipairs(notices) do
  if names_now <= tonumber(ARGV[5]) or n.kind == 'rename' then
    announce(ARGV[8], ARGV[3], '\nnotice\n' .. n.json)
  end
end

-- What an announcement costs grows with those who hear it, and what it tells them gets
-- less: one more, of so many. So the time between two grows with them, up to 240 times the
-- least: a minute, where that is 250 ms, so that a million readers are sent 17,000 counts a
-- second. It is one time for all instances: if each had its own, they would announce as
-- many times as often as there are instances.
local interval = math.floor(tonumber(ARGV[9]) * (1 + math.min(people_now, 239000) / 1000))
local changed = people_now ~= people or names_now ~= names
local last = redis.call('HMGET', told, 'at', 'unsaid')
local at, wait = tonumber(last[1] or 0), 0
if changed or last[2] == '1' then
  if people_now == 0 then -- nobody hears it: it need not wait
    announce_counts(people_now, names_now)
    redis.call('DEL', told)
  elseif now < at or now - at >= interval then -- a clock may go back
    announce_counts(people_now, names_now)
    redis.call('HSET', told, 'at', string.format('%.0f', now), 'unsaid', 0)
  else
    wait = at + interval - now
    -- Whoever comes next says it then, even if the counts are as they were again: who came
    -- meanwhile was greeted with those between.
    if changed then redis.call('HSET', told, 'unsaid', 1) end
  end
end

-- What nobody renews goes away by itself, but later than a lease: whoever comes
-- next must still find the dead in order to bury them.
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, lease * 6) end
return {people_now, names_now, known, more, wait}
