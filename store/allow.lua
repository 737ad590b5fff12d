-- Charge one request to a limit.
--
-- KEYS  1 the limit's state
-- ARGV  1 microseconds between two requests  2 burst
--
-- Returns 0, or the microseconds to wait.
return gcra(KEYS[1], clock(), tonumber(ARGV[1]), tonumber(ARGV[2]))
