-- Shared: announce something on a room's channel: by SPUBLISH, if that is the verb and
-- this server has it, else by PUBLISH. A feed asks the server of the room's slot too
-- whether it has it, on each connection, so it listens where this speaks.
--
-- A script may also run on the node that a slot is moving to, where nobody listens before it
-- is there. But there Redis refuses a script with a key that is new, as those of append.lua
-- and tear.lua always have one: what a log keeps is never announced to nobody.
local function announce(verb, channel, payload)
  if verb == 'SPUBLISH' then
    local told = redis.pcall(verb, channel, payload)
    if type(told) == 'number' then return end
    if not string.find(told.err, 'Unknown Redis command', 1, true) then
      error('SPUBLISH: ' .. told.err) -- a user that may not
    end
  end
  redis.call('PUBLISH', channel, payload)
end

