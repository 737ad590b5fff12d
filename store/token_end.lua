-- End one token of a session, or all of them.
--
-- KEYS  1 the session's tokens  2 the nickname it took last
-- ARGV  1 generation and 2 id of the token that asks  3 1 to end all  4 nonce of the request
--       5 seconds that a session lasts  6 how many tokens may be ended by themselves
--
-- Returns {'refused'} if the token counts no more, else {'ended', nickname taken last}: also if
-- the same request is sent again.
local tokens = KEYS[1]
local last = redis.call('GET', KEYS[2]) or ''
local found = redis.call('HMGET', tokens, 'generation', 'nonce', 'ended:' .. ARGV[2])
if found[2] == ARGV[4] or found[3] == ARGV[4] then return {'ended', last} end
if not token_counts(tokens, ARGV[1], ARGV[2]) then return {'refused'} end

-- A token without an id, of an older version, can't be told from others.
if ARGV[3] == '1' or ARGV[2] == '' or redis.call('HLEN', tokens) >= tonumber(ARGV[6]) then
  local now = math.floor(clock() / 1000)
  local generation = math.max(now, tonumber(found[1] or 0) + 1, tonumber(ARGV[1]) + 1)
  redis.call('HSET', tokens, 'generation', string.format('%.0f', generation), 'nonce', ARGV[4])
  redis.call('HDEL', tokens, 'from', 'id', 'was')
else
  redis.call('HSET', tokens, 'ended:' .. ARGV[2], ARGV[4])
end
redis.call('EXPIRE', tokens, ARGV[5])
return {'ended', last}
