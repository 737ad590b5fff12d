-- Shared: the generic cell rate algorithm. A limit's key holds the theoretical arrival
-- time (tat) in microseconds of Redis's clock; interval is the microseconds between two
-- requests (0 = no limit), burst how many may come at once.

-- What the key holds, not before now.
local function read_tat(key, now) return math.max(tonumber(redis.call('GET', key) or now), now) end

local function write_tat(key, now, tat)
  -- Two seconds more than needed: an embedded Redis expires keys by whole seconds.
  local ttl = math.ceil((tat - now) / 1000) + 2000
  redis.call('SET', key, string.format('%.0f', tat), 'PX', string.format('%.0f', ttl))
end

-- What the key is to hold once one more request has passed, and the microseconds to wait
-- until it may: 0 if it may now.
local function gcra(tat, now, interval, burst)
  tat = tat + interval
  return tat, math.max(math.ceil(tat - interval * burst - now), 0)
end
