-- Note the nickname that a session took, and begin the generation of tokens that name it:
-- all older ones are ended. The same nickname again ends nothing.
--
-- KEYS  1 the session's tokens  2 the nickname it took last
-- ARGV  1 'look' to change nothing yet, else 'renew'
--       2 generation and 3 id of the token that asks  4 id of the new token
--       5 nonce of the request  6 the nickname, by its key  7 1 if the token names it already
--       8 seconds that a session lasts  9 ms that a nonce is known
--
-- Returns {'ended', nickname taken last} if the token counts no more, {'counts'} of a look, or
-- {'renewed', generation and id of the new token, nickname before, '' if it is the same}: again
-- for the request that renewed it, and no other, if that is sent again.
local tokens, session = KEYS[1], KEYS[2]
local now = math.floor(clock() / 1000)
local last = redis.call('GET', session) or ''
local found = redis.call('HMGET', tokens, 'generation', 'nonce', 'from', 'id', 'was')
local generation, from = tonumber(found[1] or 0), ARGV[2] .. ' ' .. ARGV[3]

if found[2] == ARGV[5] and found[3] == from and last == ARGV[6] and now - generation <= tonumber(ARGV[9]) then
  return {'renewed', generation, found[4], found[5]}
end
if not token_counts(tokens, ARGV[2], ARGV[3]) then return {'ended', last} end
if ARGV[1] == 'look' then return {'counts'} end

redis.call('SET', session, ARGV[6], 'EX', ARGV[8])
if ARGV[7] == '1' and (last == ARGV[6] or last == '') then
  return {'renewed', tonumber(ARGV[2]), ARGV[4], ''}
end
-- A time, so that it is not below what tokens carry if Redis lost its data.
generation = math.max(now, generation + 1, tonumber(ARGV[2]) + 1)
if last == ARGV[6] then last = '' end
redis.call('DEL', tokens)
redis.call('HSET', tokens, 'generation', string.format('%.0f', generation), 'nonce', ARGV[5],
  'from', from, 'id', ARGV[4], 'was', last)
redis.call('EXPIRE', tokens, ARGV[8])
return {'renewed', generation, ARGV[4], last}
