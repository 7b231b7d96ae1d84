-- Gives an instance of a producer its epoch, or confirms the one that it has. The newest epoch fences all older ones.
-- KEYS   webgui:epoch:{producer}
-- ARGV   the epoch that the instance has (0: it is a new instance), salt (1..10^6, drawn for each call), ttl (ms),
--        the most that an epoch may be ahead (µs)
-- Reply  {1, epoch} | {2, epoch, which is newer than any before} | {0, epoch of a newer instance} |
--        {-1, the newest epoch there can be}
local stored = tonumber(redis.call('GET', KEYS[1]) or 0)
local time = redis.call('TIME')
local newest = math.max(time[1] * 1000000 + time[2], stored)
local epoch = tonumber(ARGV[1])
local function decimal(number) return string.format('%.0f', number) end

if epoch == 0 then
  epoch = newest + ARGV[2]
elseif epoch < stored then
  return {0, decimal(stored)}
elseif epoch > newest + ARGV[4] then
  return {-1, decimal(newest)}
end
redis.call('SET', KEYS[1], decimal(epoch), 'PX', ARGV[3])
return {epoch > stored and 2 or 1, decimal(epoch)}
