-- Shared: what a room's log counts for, and letting go of its oldest entries.
--
-- The head's field `bytes` is how many the entries have that are counted, and `counted` the seq that
-- came next when that was written. If another one comes next now, an older version wrote since, which
-- does not count: the count begins again. `oldest` is the id of the oldest entry that is counted;
-- while there are older ones, they are counted by and by, newest first.

-- What an entry counts for beside its payload: more than a stream takes for it there.
local entry_overhead = 64

-- Trims a log whose head says `sum` (nil if nothing was counted before), and then returns it: to
-- `limit` bytes at most, and to `size` entries if there are 30 more. It is called once in 64
-- messages, and when there are too many bytes, so 100 more than `size` are the most.
-- `added` are the ids and payloads of the step's own entries, which are not in the sum yet if that
-- is nil; next is the seq after them. The newest entry stays.
local function trim_log(head, log, sum, added, next, size, limit)
  -- How many entries that nobody counted one step counts, and how many bytes of counted ones it lets
  -- go of: several times what one step adds.
  local most_counted, budget = 200, 1048576
  local length, oldest = redis.call('XLEN', log), sum and redis.call('HGET', head, 'oldest')
  local function begin_again(from)
    sum, oldest = 0, added[from]
    for i = from + 1, #added, 2 do sum = sum + #added[i] + entry_overhead end
  end
  local function uncounted() return length - (next - tonumber(string.match(oldest, '%-(%d+)$'))) end

  if not oldest then begin_again(1) end
  if uncounted() > 0 and sum <= limit then
    local found = redis.call('XREVRANGE', log, '(' .. oldest, '-', 'COUNT', math.min(uncounted(), most_counted))
    for _, entry in ipairs(found) do
      sum, oldest = sum + #entry[2][2] + entry_overhead, entry[1]
    end
    if #found == 0 then begin_again(1) end -- what was counted has other ids since
  end
  if uncounted() < 0 then begin_again(#added - 1) end -- entries are gone that nobody here let go of

  local over = length > size + 30 and length - size or 0
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
        oldest = entry[1]
        if over <= 0 and sum <= limit or dropped == length - 1 then break end
        local bytes = #entry[2][2] + entry_overhead
        sum, budget, over, dropped = sum - bytes, budget - bytes, over - 1, dropped + 1
      end
      length, read = length - dropped, read * 2
      redis.call('XTRIM', log, 'MAXLEN', string.format('%.0f', length))
      oldest = string.match(oldest, '^%d+%-') .. string.format('%.0f', next - length)
    end
    if length == 1 then sum = #added[#added] + entry_overhead end
  end
  redis.call('HSET', head, 'oldest', oldest)
  return sum
end
