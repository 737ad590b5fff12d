-- Renew the hold on a nickname, if it is the session's own.
--
-- KEYS  1 the name
-- ARGV  1 session  2 seconds it is held after its last use
--
-- Returns the session that holds it, '' if none does.
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return holder or ''
