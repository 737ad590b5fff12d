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

-- Returns 0 if a request may pass, which is then counted, or the microseconds to wait.
local function gcra(key, now, interval, burst)
  if interval <= 0 then return 0 end
  local tat = read_tat(key, now) + interval
  local wait = tat - interval * burst - now
  if wait > 0 then return math.ceil(wait) end
  write_tat(key, now, tat)
  return 0
end
