import { defineScript } from '../../transports/redis-streams/script.ts';

/** Redis gives what it tells of itself as names and values in turn. */
const fields = `
local function fields(flat)
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  return info
end
`;

/**
 * Trims one stream to its window, and never an entry that a group has not acknowledged. It looks at the groups and trims in one step, so that nothing can be
 * read, and no group be made, in between.
 *
 * Nothing is removed from an id on, the bound: that of the window, or for any group its oldest pending entry, else the one after the last it was given; or
 * what the caller found before. A declared group that does not exist will begin at the first entry there is.
 *
 * Whole nodes of the stream are freed, at most about ARGV[2] entries a call; the last call also removes the rest, which is within one node (100 entries
 * unless the server is told otherwise). Freeing is not refused when memory is full: XTRIM needs none.
 *
 * Ids are compared as texts of one length: Lua's numbers end at 2^53, and whoever may add to a stream chooses its ids up to 2^64.
 *
 * KEYS stream. ARGV window in milliseconds, entries a call, most groups, what the caller found, JSON `[[id, group, why], ...]`, declared groups. Gives nothing
 * where there is no stream; the number of groups alone where there are more than that, and nothing was removed; else: entries removed, whether to call
 * again (1 or 0), milliseconds by which the oldest entry is over the window, and, if any, the group that holds it, why (`missing`, `pending`, `unread`, or
 * as the caller says) and the bound; then the names of all groups.
 */
export const trimScript = defineScript(`${fields}
local stream, limit, most, found = KEYS[1], ARGV[2], tonumber(ARGV[3]), cjson.decode(ARGV[4])
if redis.call('EXISTS', stream) == 0 then return {} end
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
for _, each in ipairs(found) do keep(each[3] == 'unread' and following(padded(each[1])) or padded(each[1]), each[2], each[3]) end
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

/**
 * KEYS stream. ARGV most groups. Gives of each group its name, its oldest pending entry, and, where it has none, the last that it was given; nothing where
 * there is no stream or more groups.
 */
export const openScript = defineScript(`${fields}
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
if fields(redis.call('XINFO', 'STREAM', KEYS[1])).groups > tonumber(ARGV[1]) then return {} end
local open = {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local info = fields(flat)
  local oldest = redis.call('XPENDING', KEYS[1], info.name, '-', '+', 1)[1]
  open[#open + 1] = {info.name, oldest and oldest[1] or '', info['last-delivered-id']}
end
return open
`);

/**
 * One page of the positions of dead letters whose key is blocked. KEYS dead letters, blocked keys. ARGV first id, count. Gives the last id looked at (empty at
 * the end) and the positions.
 */
export const blockedScript = defineScript(`${fields}
if redis.call('EXISTS', KEYS[2]) == 0 then return {'', {}} end
local page, positions = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2]), {}
for _, entry in ipairs(page) do
  local of = fields(entry[2])
  local blocks = of.partitionkey and of.deadposition and redis.call('SISMEMBER', KEYS[2], of.partitionkey) == 1
  if blocks and string.match(of.deadposition, '^%d+%-%d+$') then positions[#positions + 1] = of.deadposition end
end
return {#page == tonumber(ARGV[2]) and page[#page][1] or '', positions}
`);
