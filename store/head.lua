-- Shared: what a room's log is called, read from its head or, where that is lost
-- (evicted, expired a moment before the log), from the log's last entry.
-- Returns epoch (string), next seq (number) and, of a head, the history that both are
-- of, and how many bytes are counted (see log_trim.lua); nil for a log that never was.
local function last_entry(log)
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
  if #last == 0 then return nil end
  local epoch, seq = string.match(last[1][1], '^(%d+)-(%d+)$')
  return epoch, tonumber(seq) + 1
end

local function read_head(head, log)
  local h = redis.call('HMGET', head, 'epoch', 'next', 'history', 'bytes', 'counted')
  if h[1] and h[2] then return h[1], tonumber(h[2]), h[3] or '', h[5] == h[2] and tonumber(h[4]) or nil end
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
