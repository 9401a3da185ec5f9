import { defineScript } from './script.ts';

/**
 * Appends a batch to one stream: all of it or nothing.
 *
 * The fence is looked at before anything is written, and Redis refuses for lack of memory, for a replica or for too few replicas only at the first write
 * of a script; so does a key of the wrong type. Epochs and log ids are decimal texts of 20 digits, because Lua's numbers end at 2^53; texts of one
 * length compare as numbers do.
 *
 * Ids after the first take its milliseconds (`MS-*`), so that the position of every event follows from the first one.
 *
 * KEYS stream, fence. ARGV producer (empty: unfenced), epoch, previous, highest, packed names, packed values. Gives the id of the first entry.
 * Fails with FENCED and the stored epoch, or LOST and the stored log id.
 */
export const publishScript = defineScript(`
local stream, fence = KEYS[1], KEYS[2]
local producer, epoch, previous, highest = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local last = '00000000000000000000'
if producer ~= '' then
  local stored = redis.call('HMGET', fence, producer .. ':epoch', producer .. ':last')
  if stored[1] and stored[1] > epoch then return redis.error_reply('FENCED ' .. stored[1]) end
  if stored[1] == epoch then last = stored[2] end
  if last < previous then return redis.error_reply('LOST ' .. last) end
end
local names, values = cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])
local call, width, entry = redis.call, #names, {'specversion', '1.0'}
for i = 1, width do entry[2 * i + 1] = names[i] end
local size = 2 * width + 2
local function add(id, from)
  for i = 1, width do entry[2 * i + 2] = values[from + i] end
  return call('XADD', stream, id, unpack(entry, 1, size))
end
local first = add('*', 0)
local following = string.match(first, '^%d+') .. '-*'
for from = width, #values - width, width do add(following, from) end
if producer ~= '' then
  if highest > last then last = highest end
  call('HSET', fence, producer .. ':epoch', epoch, producer .. ':last', last)
end
return first
`);
