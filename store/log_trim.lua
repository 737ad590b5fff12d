-- Shared: what a room's log counts for, and letting go of its oldest entries.
--
-- The head's field `bytes` is "<sum> <first> <next>": the entries from the id first on count for
-- so many bytes, and next is the seq that came next when that was written. Another next now means
-- that an older version, which does not count, wrote since: the count begins again, and those that
-- are not counted are counted by and by, newest first. Nothing else of first is looked at once all
-- entries are counted, so only its seq is kept right then.

-- What an entry counts for: its payload, and more than a stream takes for one beside that.
local function entry_bytes(payload) return #payload + 64 end

-- How many entries that nobody counted one step counts, and how many bytes of counted ones it lets
-- go of: several times what one step adds.
local most_counted, most_dropped = 100, 1048576

local function read_count(field, next)
  local sum, id, seq, counted = string.match(field or '', '^(%d+) (%d+%-(%d+)) (%d+)$')
  if tonumber(counted) == next then return {sum = tonumber(sum), id = id, first = tonumber(seq)} end
  return {sum = 0, first = next}
end

local function count_entry(count, id, payload)
  count.id = count.id or id
  count.sum = count.sum + entry_bytes(payload)
end

local function format_count(count, next)
  return string.format('%.0f', count.sum) .. ' ' .. count.id .. ' ' .. string.format('%.0f', next)
end

-- Counts some of the entries before those that are counted. There are that many.
local function count_older(log, count, uncounted)
  local found = redis.call('XREVRANGE', log, '(' .. count.id, '-', 'COUNT', math.min(uncounted, most_counted))
  for _, entry in ipairs(found) do
    count.sum, count.id, count.first = count.sum + entry_bytes(entry[2][2]), entry[1], count.first - 1
  end
  return uncounted - #found
end

-- Lets go of counted entries, oldest first: `over` of them, and more until the others are within
-- the limit. The newest stays. Returns how many entries are left of `length`.
local function drop_oldest(log, count, length, over, limit)
  local budget, read = most_dropped, math.max(over, 1)
  while (over > 0 or count.sum > limit) and length > 1 and budget > 0 do
    local dropped = 0
    for _, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', math.min(read, 128))) do
      if over <= 0 and count.sum <= limit or dropped == length - 1 then break end
      local bytes = entry_bytes(entry[2][2])
      count.sum, budget, over, dropped = count.sum - bytes, budget - bytes, over - 1, dropped + 1
    end
    length, read = length - dropped, read * 2
    redis.call('XTRIM', log, 'MAXLEN', string.format('%.0f', length))
  end
  return length
end

-- Trims a log whose newest entries were counted, and whose next seq is next. It keeps `size`
-- entries, or up to 100 more, so that not every step trims; and at most `limit` bytes.
local function trim_log(log, count, next, newest, payload, size, limit)
  local length = redis.call('XLEN', log)
  local uncounted = length - (next - count.first)
  local left = uncounted
  if uncounted > 0 and count.sum <= limit then left = count_older(log, count, uncounted) end
  if uncounted < 0 or left > 0 and left == uncounted and count.sum <= limit then
    -- Entries are gone that nobody here let go of, or have other ids since: the count begins again.
    count.sum, count.id, count.first = entry_bytes(payload), newest, next - 1
    left = length - 1
  end
  local over = length > size + 100 and length - size or 0
  if count.sum > limit then over = math.max(over, left) end
  local unread = math.min(over, left) -- older than all that is counted, so nothing need be read
  if unread > 0 then
    length = length - unread
    redis.call('XTRIM', log, 'MAXLEN', string.format('%.0f', length))
  end
  if left > unread then return end
  length = drop_oldest(log, count, length, over - unread, limit)
  count.first = next - length
  count.id = string.match(count.id, '^%d+%-') .. string.format('%.0f', count.first)
  if length == 1 then count.sum = entry_bytes(payload) end
end
