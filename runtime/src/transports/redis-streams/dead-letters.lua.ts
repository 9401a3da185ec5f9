import { addresseeAttribute, redriveConsumer } from './redriven.ts';
import { defineScript } from './script.ts';

/** What `giveUpScript` has added to the fields of the event. */
const takeApart = `
local notes = {deadposition = true, deadgroup = true, deaderrors = true}
local function apart(flat)
  local fields, of = {}, {}
  for i = 1, #flat, 2 do
    of[flat[i]] = flat[i + 1]
    if not notes[flat[i]] then fields[#fields + 1] = flat[i] fields[#fields + 1] = flat[i + 1] end
  end
  return fields, of
end
`;

/** Whether the later events of its key wait for this dead letter: the key is held back, and no later dead letter is of the same key. */
const blocking = `
local function blocks(dead, blocked, id, key)
  if not key or redis.call('SISMEMBER', blocked, key) == 0 then return false end
  local from = '(' .. id
  while true do
    local page = redis.call('XRANGE', dead, from, '+', 'COUNT', 100)
    for _, entry in ipairs(page) do
      local _, of = apart(entry[2])
      if of.partitionkey == key then return false end
      from = '(' .. entry[1]
    end
    if #page < 100 then return true end
  end
end
`;

/** KEYS dead letters, blocked keys. ARGV first id, count. Gives `[[id, position, history, blocking, [name, value, ...]], ...]`, packed. */
export const listScript = defineScript(`${takeApart}${blocking}
local found = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])) do
  local fields, of = apart(entry[2])
  local held = blocks(KEYS[1], KEYS[2], entry[1], of.partitionkey) and '1' or '0'
  found[#found + 1] = {entry[1], of.deadposition or '', of.deaderrors or '', held, fields}
end
return cmsgpack.pack(found)
`);

/**
 * KEYS dead letters, blocked keys, stream. ARGV id, group. Gives 1 when it was there.
 *
 * The event is where it was, so it only becomes pending again, with no attempts made, and where its key was held back it comes before the later ones. One that
 * was trimmed meanwhile is added again for the group alone.
 */
export const redriveScript = defineScript(`${takeApart}${blocking}
local dead, blocked, stream, id, group = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]
local entry = redis.call('XRANGE', dead, id, id)[1]
if not entry then return 0 end
local fields, of = apart(entry[2])
local there = of.deadposition and redis.call('XRANGE', stream, of.deadposition, of.deadposition)[1]
if there then
  redis.call('XCLAIM', stream, group, '${redriveConsumer}', 0, of.deadposition, 'FORCE', 'RETRYCOUNT', 0, 'JUSTID')
else
  fields[#fields + 1] = '${addresseeAttribute}'
  fields[#fields + 1] = group
  redis.call('XADD', stream, '*', unpack(fields))
end
if blocks(dead, blocked, id, of.partitionkey) then redis.call('SREM', blocked, of.partitionkey) end
redis.call('XDEL', dead, id)
return 1
`);

/** KEYS dead letters, blocked keys. ARGV id. Gives 1 when it was there. */
export const dropScript = defineScript(`${takeApart}${blocking}
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then return 0 end
local _, of = apart(entry[2])
if blocks(KEYS[1], KEYS[2], ARGV[1], of.partitionkey) then redis.call('SREM', KEYS[2], of.partitionkey) end
return redis.call('XDEL', KEYS[1], ARGV[1])
`);
