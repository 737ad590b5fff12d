-- Take a nickname, or keep it.
--
-- KEYS  1 the name
-- ARGV  1 session  2 seconds it is held after its last use
--
-- Returns the session that holds it now.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
