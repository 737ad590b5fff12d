-- Count what has passed already against a limit.
--
-- KEYS  1 the limit's state, as in gcra.lua
-- ARGV  1 microseconds between two requests  2 burst  3 how many have passed
--
-- Returns the microseconds until the next one may pass, or 0.
local interval, burst, now = tonumber(ARGV[1]), tonumber(ARGV[2]), clock()
local tat = read_tat(KEYS[1], now) + interval * tonumber(ARGV[3])
write_tat(KEYS[1], now, tat)
return math.max(0, math.ceil(tat - interval * burst - now))
