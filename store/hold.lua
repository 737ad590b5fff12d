-- Renew the hold on a nickname, if it is the session's own and the token counts.
--
-- KEYS  1 the name  2 the session's tokens, unless they were looked at before
-- ARGV  1 session  2 seconds it is held after its last use  3 generation and 4 id of the token
--
-- Returns the session that holds it, '' if none does; {'ended'} if the token does not count.
if KEYS[2] and not token_counts(KEYS[2], ARGV[3], ARGV[4]) then return {'ended'} end
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return holder or ''
