-- Shared: Redis's clock in microseconds.
local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

-- Shared: the generic cell rate algorithm. The key holds the theoretical arrival
-- time in microseconds of Redis's clock. Takes the key, the time, the microseconds
-- between two requests (0 = no limit) and how many may come at once; returns 0 if
-- the request may pass, which is then counted, or the microseconds to wait.
local function gcra(key, now, interval, burst)
  if interval <= 0 then return 0 end
  local tat = tonumber(redis.call('GET', key) or now)
  if tat < now then tat = now end
  tat = tat + interval
  local wait = tat - interval * burst - now
  if wait > 0 then return math.ceil(wait) end
  -- Two seconds more than needed: an embedded Redis expires keys by whole seconds.
  local ttl = math.ceil((tat - now) / 1000) + 2000
  redis.call('SET', key, string.format('%.0f', tat), 'PX', string.format('%.0f', ttl))
  return 0
end
