-- Read a run of a room's log. Seqs have no holes, so the range is computed, and read
-- by XREAD from the position before it: a real Redis searches for that, and an embedded
-- one, which walks to it, walks twice as fast as with XRANGE (and XREVRANGE copies all).
--
-- KEYS  1 head  2 log
-- ARGV  1 'before' or 'after'  2 epoch  3 seq (0 0 = newest, or the log's start)  4 how many
--       5 bytes of entries at most, but for one that is larger (0 = any)
--
-- Returns {epoch, next seq, first seq kept or '', gap (0/1), more (0/1), entries}
local epoch, next = read_head(KEYS[1], KEYS[2])
if not epoch then
  -- No log: its start is a position in it, anything else is not.
  local zero = ARGV[2] == '0'
  return {'', '0', '', zero and 0 or 1, 0, {}}
end

local epochs = read_epochs(KEYS[2], epoch, next)
local first = epochs[1].first

-- known says whether a position was ever one of this log, and is not past its end.
local function known(name, seq)
  local stop = end_of(epochs, next, name)
  return name == '0' or stop and seq < stop
end

-- id is the position of a seq, by the epoch that it came in.
local function id(seq)
  local i = #epochs
  while i > 1 and seq < epochs[i].first do i = i - 1 end
  return epochs[i].name .. '-' .. string.format('%.0f', seq)
end

local function reply(gap, more, entries)
  return {epoch, string.format('%.0f', next), string.format('%.0f', first), gap, more, entries}
end

-- read gives up to n entries from seq `from` on.
local function read(from, n)
  if n <= 0 then return {} end
  local before
  if from > 0 then before = id(from - 1)
  else before = string.format('%.0f', tonumber(epochs[1].name) - 1) .. '-18446744073709551615'
  end
  local res = redis.call('XREAD', 'COUNT', string.format('%.0f', n), 'STREAMS', KEYS[2], before)
  return res and res[1] and res[1][2] or {}
end

-- within gives those of the entries that fit, the ones nearest to the position first.
local function within(entries, bytes, backwards)
  if bytes <= 0 then return entries end
  local kept, used = 0, 0
  while kept < #entries do
    local i = backwards and #entries - kept or kept + 1
    used = used + #entries[i][2][2]
    if used > bytes and kept > 0 then break end
    kept = kept + 1
  end
  local some, skip = {}, backwards and #entries - kept or 0
  for i = 1, kept do some[i] = entries[skip + i] end
  return some
end

local seq, limit, bytes = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5] or '0')
local zero = ARGV[2] == '0'

if ARGV[1] == 'before' then
  local stop = zero and next or seq -- exclusive
  if not known(ARGV[2], stop - 1) then return reply(1, 0, {}) end
  local start = math.max(stop - limit, first)
  local entries = within(read(start, stop - start), bytes, true)
  if stop > start then start = stop - #entries end
  return reply(0, (start > first and stop > first) and 1 or 0, entries)
end

local start = zero and 0 or seq + 1
if not known(ARGV[2], start - 1) or start < first then return reply(1, 0, {}) end
local n = math.min(limit, next - start)
local all = read(start, n)
local entries = within(all, bytes, false)
if #entries < #all then n = #entries end
return reply(0, start + n < next and 1 or 0, entries)
