-- Count what has passed already against a limit.
--
-- KEYS  1 the limit's state, as in gcra.lua
-- ARGV  1 microseconds between two requests  2 burst  3 how many have passed
--
-- Returns the microseconds until the next one may pass, or 0.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
local tat = tonumber(redis.call('GET', KEYS[1]) or now)
if tat < now then tat = now end
tat = tat + tonumber(ARGV[1]) * tonumber(ARGV[3])
-- Two seconds more than needed: an embedded Redis expires keys by whole seconds.
local ttl = math.ceil((tat - now) / 1000) + 2000
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', string.format('%.0f', ttl))
return math.max(0, math.ceil(tat - tonumber(ARGV[1]) * tonumber(ARGV[2]) - now))
