-- Shared: whether a token still counts: it is of the session's generation, or of a later one
-- (Redis then lost its data), and was not ended by itself.
local function token_counts(tokens, generation, id)
  local found = redis.call('HMGET', tokens, 'generation', 'ended:' .. id)
  return tonumber(found[1] or 0) <= tonumber(generation) and not found[2]
end
