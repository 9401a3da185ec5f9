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
 * Ids are compared as texts of one length: Lua's numbers end at 2^53, and whoever may add to a stream chooses its ids up to 2^64.
 *
 * KEYS stream. ARGV window in milliseconds, entries a call, most groups, an id from which on nothing goes (empty: none), declared groups. Gives nothing
 * where there is no stream; the number of groups alone where there are more than that, and nothing was removed; else: entries removed, whether to call
 * again (1 or 0), milliseconds by which the oldest entry is over the window, and, if any, the group that holds it, why (`missing`, `pending`, `unread`,
 * `needed` by the given id) and the bound; then the names of all groups.
 */
export const trimScript = defineScript(`
local stream, limit, most, needed = KEYS[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if redis.call('EXISTS', stream) == 0 then return {} end
local function fields(flat)
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  return info
end
local count = fields(redis.call('XINFO', 'STREAM', stream)).groups
if count > most then return {count} end

local function padded(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. '-' .. string.rep('0', 20 - #sequence) .. sequence
end
local function plusOne(digits)
  local high, low = tonumber(string.sub(digits, 1, 10)), tonumber(string.sub(digits, 11)) + 1
  if low == 1e10 then high, low = high + 1, 0 end
  return string.format('%010.0f%010.0f', high, low)
end
local last = '18446744073709551615'
local function following(id)
  local ms, sequence = string.sub(id, 1, 20), string.sub(id, 22)
  if sequence ~= last then return ms .. '-' .. plusOne(sequence) end
  return ms == last and id or plusOne(ms) .. '-' .. string.rep('0', 20)
end

local time = redis.call('TIME')
local cut = math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1])
local bound, holder, why = padded(string.format('%.0f-0', cut)), '', ''
local function keep(id, group, reason)
  if id < bound then bound, holder, why = id, group, reason end
end

local names, exists = {}, {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local info = fields(flat)
  names[#names + 1] = info.name
  exists[info.name] = true
  keep(following(padded(info['last-delivered-id'])), info.name, 'unread')
  local oldest = redis.call('XPENDING', stream, info.name, '-', '+', 1)[1]
  if oldest then keep(padded(oldest[1]), info.name, 'pending') end
end
if needed ~= '' then keep(padded(needed), '', 'needed') end
for i = 5, #ARGV do
  if not exists[ARGV[i]] then keep(padded('0-0'), ARGV[i], 'missing') end
end

bound = string.gsub(bound, '^0*(%d+)%-0*(%d+)$', '%1-%2')
local removed = redis.call('XTRIM', stream, 'MINID', '~', bound, 'LIMIT', limit)
if removed > 0 then return {removed, 1, 0, '', '', bound, names} end
removed = redis.call('XTRIM', stream, 'MINID', bound)

local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
local over = oldest and cut - tonumber(string.match(oldest[1], '^%d+')) or 0
if over <= 0 then return {removed, 0, 0, '', '', bound, names} end
return {removed, 0, over, holder, why, bound, names}
`);
