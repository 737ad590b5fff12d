-- Give a nickname up, if it is the session's own.
--
-- KEYS  1 the name
-- ARGV  1 session
--
-- Returns 1 if it was.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
