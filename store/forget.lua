-- Take rooms that are no more out of the list of rooms, unless something has
-- happened in them since they were looked at.
--
-- KEYS  1 the list
-- ARGV  two a room: its name, its score when it was looked at
for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return 0
