-- Shared: Redis's clock in microseconds.
local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end
-- Shared: announce something on a room's channel: by SPUBLISH, if that is the verb and
-- this server has it, else by PUBLISH. A feed asks the server of the room's slot too
-- whether it has it, on each connection, so it listens where this speaks.
--
-- A script may also run on the node that a slot is moving to, where nobody listens before it
-- is there. But there Redis refuses a script with a key that is new, as those of append.lua
-- and tear.lua always have one: what a log keeps is never announced to nobody.
local function announce(verb, channel, payload)
  if verb == 'SPUBLISH' then
    local told = redis.pcall(verb, channel, payload)
    if type(told) == 'number' then return end
    if not string.find(told.err, 'Unknown Redis command', 1, true) then
      error('SPUBLISH: ' .. told.err) -- a user that may not
    end
  end
  redis.call('PUBLISH', channel, payload)
end

-- Shared: the generic cell rate algorithm. A limit's key holds the theoretical arrival
-- time (tat) in microseconds of Redis's clock; interval is the microseconds between two
-- requests (0 = no limit), burst how many may come at once.

-- What the key holds, not before now.
local function read_tat(key, now) return math.max(tonumber(redis.call('GET', key) or now), now) end

local function write_tat(key, now, tat)
  -- Two seconds more than needed: an embedded Redis expires keys by whole seconds.
  local ttl = math.ceil((tat - now) / 1000) + 2000
  redis.call('SET', key, string.format('%.0f', tat), 'PX', string.format('%.0f', ttl))
end

-- What the key is to hold once one more request has passed, and the microseconds to wait
-- until it may: 0 if it may now.
local function gcra(tat, now, interval, burst)
  tat = tat + interval
  return tat, math.max(math.ceil(tat - interval * burst - now), 0)
end
-- Shared: what a room's log is called, read from its head or, where that is lost
-- (evicted, expired a moment before the log), from the log's last entry.
-- Returns epoch (string), next seq (number) and, of a head, the history that both are
-- of, and what its entries count for (see log_trim.lua); nil for a log that never was.
local function last_entry(log)
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
  if #last == 0 then return nil end
  local epoch, seq = string.match(last[1][1], '^(%d+)-(%d+)$')
  return epoch, tonumber(seq) + 1
end

local function read_head(head, log)
  local h = redis.call('HMGET', head, 'epoch', 'next', 'history', 'bytes')
  if h[1] and h[2] then return h[1], tonumber(h[2]), h[3] or '', h[4] end
  return last_entry(log)
end

-- Which history of its data this Redis tells. It begins another whenever it may have
-- lost the end of the last: at each start, and when a replica becomes the master.
-- An embedded Redis has none to tell: what it loses, it loses whole.
local function current_history()
  local info = redis.pcall('INFO', 'replication')
  if type(info) == 'string' then
    local _, last = string.find(info, 'master_replid:', 1, true)
    return last and string.sub(info, last + 1, last + 16) or ''
  end
  if string.find(info.err, 'section') then return '' end
  error('INFO replication: ' .. info.err) -- a user that may not ask
end

-- What the next event is called, in which history, and what the log counts for; now is in microseconds.
-- Each history has an epoch of its own, so an id that a lost end may have given is not given again. The
-- seq goes on: what was not lost has no hole. It is 0 for a log that is not there.
local function next_id(head, log, now)
  local epoch, seq, history, bytes = read_head(head, log)
  local current = current_history()
  if epoch and (history or '') == current then return epoch, seq, current, bytes end
  local ms = math.floor(now / 1000)
  if epoch then
    local e, s = last_entry(log) -- the head may be behind it, restored from an old copy
    ms = math.max(ms, tonumber(epoch) + 1, tonumber(e or 0) + 1)
    seq = math.max(seq, s or 0)
  end
  return string.format('%.0f', ms), seq or 0, current, bytes
end
-- Shared: what a room's log counts for, and letting go of its oldest entries.
--
-- The head's field `bytes` is "<sum> <next>": the entries that are counted are of so many bytes, and
-- next is the seq that came next when that was written. Another next now means that an older version
-- wrote since, which does not count: the count begins again. The field `counted` is the id of the
-- oldest entry that is counted; while there are older ones, they are counted by and by, newest first.

-- What an entry counts for beside its payload: more than a stream takes for it there.
local entry_overhead = 64

-- The bytes of the entries that are counted, or nil if the count begins again.
local function read_bytes(field, next)
  local sum, counted = string.match(field or '', '^(%d+) (%d+)$')
  return tonumber(counted) == next and tonumber(sum) or nil
end

-- Trims a log whose head says `sum` (nil if nothing was counted before), and then returns it: to
-- `limit` bytes at most, and to `size` entries if there are 80 more, so that not every step trims.
-- `added` are the ids and payloads of the step's own entries, which are not in the sum yet if that
-- is nil; next is the seq after them. The newest entry stays.
local function trim_log(head, log, sum, added, next, size, limit)
  -- How many entries that nobody counted one step counts, and how many bytes of counted ones it lets
  -- go of: several times what one step adds.
  local most_counted, budget = 100, 1048576
  local length, counted = redis.call('XLEN', log), sum and redis.call('HGET', head, 'counted')
  local function begin_again(from)
    sum, counted = 0, added[from]
    for i = from + 1, #added, 2 do sum = sum + #added[i] + entry_overhead end
  end
  local function uncounted() return length - (next - tonumber(string.match(counted, '%-(%d+)$'))) end

  if not counted then begin_again(1) end
  if uncounted() > 0 and sum <= limit then
    local found = redis.call('XREVRANGE', log, '(' .. counted, '-', 'COUNT', math.min(uncounted(), most_counted))
    for _, entry in ipairs(found) do
      sum, counted = sum + #entry[2][2] + entry_overhead, entry[1]
    end
    if #found == 0 then begin_again(1) end -- what was counted has other ids since
  end
  if uncounted() < 0 then begin_again(#added - 1) end -- entries are gone that nobody here let go of

  local over = length > size + 80 and length - size or 0
  if sum > limit then over = math.max(over, uncounted()) end
  local unread = math.min(over, uncounted()) -- older than all that is counted, so nothing need be read
  if unread > 0 then
    length, over = length - unread, over - unread
    redis.call('XTRIM', log, 'MAXLEN', string.format('%.0f', length))
  end
  if uncounted() == 0 then
    local read = math.max(over, 1)
    while (over > 0 or sum > limit) and length > 1 and budget > 0 do
      local dropped = 0
      for _, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', math.min(read, 128))) do
        counted = entry[1]
        if over <= 0 and sum <= limit or dropped == length - 1 then break end
        local bytes = #entry[2][2] + entry_overhead
        sum, budget, over, dropped = sum - bytes, budget - bytes, over - 1, dropped + 1
      end
      length, read = length - dropped, read * 2
      redis.call('XTRIM', log, 'MAXLEN', string.format('%.0f', length))
      counted = string.match(counted, '^%d+%-') .. string.format('%.0f', next - length)
    end
    if length == 1 then sum = #added[#added] + entry_overhead end
  end
  redis.call('HSET', head, 'counted', counted)
  return sum
end
-- Land posts in a room's log, one after the other: check each one's nonce and rate,
-- give it its id, store it. Then announce what was new, all at once.
--
-- The first write is a SET, which a full Redis refuses, and the whole step with it; what it does
-- not refuse, such as GETEX and DEL, comes after.
--
-- KEYS  1 head  2 log  3… three a post: nonce, rate, nickname
-- ARGV  1 HISTORY_SIZE  2 HISTORY_BYTES  3 HISTORY_TTL ms (0 = forever)  4 nonce ttl ms
--       5 microseconds between two messages (0 = no limit)  6 burst  7 SPUBLISH or PUBLISH
--       8 channel  9 seconds that a nickname is held after its last use
--       10 1 if the room may begin with this step, else 0
--       11… four a post: payload, what identifies it (the digest of its text, a space, its
--          `at`), session, and what the nickname must be: 'held' by the session, 'free' or
--          so, or 'checked' before
--
-- Returns for each post its id, or one of
-- {'name'} · {'new'} · {'dup', id, at, payload or ''} · {'reused'} · {'limited', microseconds}
local first_key, keys_a_post, first_arg, args_a_post = 3, 3, 11, 4
local head, log = KEYS[1], KEYS[2]
local size, limit, nonce_ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4]
local interval, burst = tonumber(ARGV[5]), tonumber(ARGV[6])
local now = clock()
local epoch, seq, history, bytes = next_id(head, log, now)
local sum, began_at = read_bytes(bytes, seq), seq
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
  replies[i + 1] = land(KEYS[k], KEYS[k + 1], KEYS[k + 2], ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3])
end
for rate, tat in pairs(tats) do write_tat(rate, now, tat) end
if #announced > 0 then
  local next = string.format('%d', seq)
  -- Sixteen messages are let wait, but not too many bytes.
  if not sum or sum > limit or math.floor(seq / 16) > math.floor(began_at / 16) then
    sum = trim_log(head, log, sum, announced, seq, size, limit)
  end
  redis.call('HSET', head, 'epoch', epoch, 'next', next, 'history', history, 'bytes', string.format('%.0f ', sum) .. next)
  if ARGV[3] ~= '0' then
    redis.call('PEXPIRE', head, ARGV[3])
    redis.call('PEXPIRE', log, ARGV[3])
  end
  announce(ARGV[7], ARGV[8], table.concat(announced, '\n'))
end
return replies
