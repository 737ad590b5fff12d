-- Shared: a log's epochs, oldest first, and the seq that each begins with. A later
-- epoch goes on with the seqs of an earlier one, whose end Redis may have lost. Takes
-- the log, and the epoch and next seq of its head.
local function read_epochs(log, epoch, next)
  local epochs = {}
  local from = '-'
  while from do
    local found = redis.call('XRANGE', log, from, '+', 'COUNT', 1)
    if #found == 0 then break end
    local e, s = string.match(found[1][1], '^(%d+)-(%d+)$')
    epochs[#epochs + 1] = {name = e, first = tonumber(s)}
    from = e ~= epoch and string.format('%.0f', tonumber(e) + 1)
  end
  if #epochs == 0 or epochs[#epochs].name ~= epoch then
    return {{name = epoch, first = next}} -- of an evicted log nothing is kept, but its seqs go on
  end
  return epochs
end

-- end_of is the seq at which an epoch ended: the next one's first, or the log's next.
-- It is nil for one that the log does not have.
local function end_of(epochs, next, name)
  for i, e in ipairs(epochs) do
    if e.name == name then return epochs[i + 1] and epochs[i + 1].first or next end
  end
end
