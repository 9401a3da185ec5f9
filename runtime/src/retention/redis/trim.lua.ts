import { defineScript } from '../../transports/redis-streams/script.ts';

/**
 * Trims one stream to its window, and never an entry that a group has not acknowledged. It looks at the groups and trims in one step, so that nothing can be
 * read, and no group be made, in between.
 *
 * Nothing is removed from an id on, the bound: that of the window, or for any group its oldest pending entry, else the one after the last it was given. A
 * declared group that does not exist will begin at the first entry there is.
 *
 * Whole nodes of the stream are freed, at most about ARGV[2] entries a call; the last call also removes the rest, which is within one node (100 entries
 * unless the server is told otherwise). Freeing is not refused when memory is full: XTRIM needs none.
 *
 * Ids are compared as numbers and not as texts; of sequences above 2^53, which nobody gives, the last entry is kept.
 *
 * KEYS stream. ARGV window in milliseconds, entries a call, declared groups. Gives nothing where there is no stream, else: entries removed, whether to call
 * again (1 or 0), milliseconds by which the oldest entry is over the window, and, if any, the group that holds it, why (`missing`, `pending`, `unread`) and
 * the bound; then the names of all groups.
 */
export const trimScript = defineScript(`
local stream, limit = KEYS[1], ARGV[2]
if redis.call('EXISTS', stream) == 0 then return {} end

local time = redis.call('TIME')
local cut = math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1])
local boundMs, boundSequence, holder, why = cut, 0, '', ''
local function keep(ms, sequence, group, reason)
  if ms < boundMs or (ms == boundMs and sequence < boundSequence) then
    boundMs, boundSequence, holder, why = ms, sequence, group, reason
  end
end
local function parse(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end

local names, exists = {}, {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  names[#names + 1] = info.name
  exists[info.name] = true
  local ms, sequence = parse(info['last-delivered-id'])
  if sequence < 2 ^ 53 then sequence = sequence + 1 end
  keep(ms, sequence, info.name, 'unread')
  local oldest = redis.call('XPENDING', stream, info.name)[2]
  if oldest then
    ms, sequence = parse(oldest)
    keep(ms, sequence, info.name, 'pending')
  end
end
for i = 3, #ARGV do
  if not exists[ARGV[i]] then keep(0, 0, ARGV[i], 'missing') end
end

local bound = string.format('%.0f-%.0f', boundMs, boundSequence)
local removed = redis.call('XTRIM', stream, 'MINID', '~', bound, 'LIMIT', limit)
if removed > 0 then return {removed, 1, 0, '', '', bound, names} end
removed = redis.call('XTRIM', stream, 'MINID', bound)

local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
local over = oldest and cut - parse(oldest[1]) or 0
if over <= 0 then return {removed, 0, 0, '', '', bound, names} end
return {removed, 0, over, holder, why, bound, names}
`);
