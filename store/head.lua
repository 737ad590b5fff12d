-- Shared: what a room's log is called, read from its head or, where that is lost
-- (evicted, expired a moment before the log), from the log's last entry.
-- Returns epoch (string) and next seq (number), or nil for a log that never was.
local function last_entry(log)
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
  if #last == 0 then return nil end
  local epoch, seq = string.match(last[1][1], '^(%d+)-(%d+)$')
  return epoch, tonumber(seq) + 1
end

local function read_head(head, log)
  local h = redis.call('HMGET', head, 'epoch', 'next')
  if h[1] and h[2] then return h[1], tonumber(h[2]) end
  return last_entry(log)
end
