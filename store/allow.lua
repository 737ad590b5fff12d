-- Charge one request to a limit.
--
-- KEYS  1 the limit's state
-- ARGV  1 microseconds between two requests  2 burst
--
-- Returns 0, or the microseconds to wait.
local now = clock()
local tat, wait = gcra(read_tat(KEYS[1], now), now, tonumber(ARGV[1]), tonumber(ARGV[2]))
if wait == 0 then write_tat(KEYS[1], now, tat) end
return wait
