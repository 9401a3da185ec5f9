import { defineScript, type Script } from './script.ts';

/**
 * Scripts that only the holder of a stream may run. The lease is compared in the script itself, so that a process that was stopped or cut off between
 * its own check and the command can neither read, acknowledge nor set aside anything.
 *
 * KEYS stream, lease, then the script's own. ARGV lease value, group, consumer, then the script's own. Fails with SUPERSEDED.
 */
function holderScript(body: string): Script {
  return defineScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return redis.error_reply('SUPERSEDED the lease is not held any more') end
local stream, group, consumer = KEYS[1], ARGV[2], ARGV[3]
${body}`);
}

/** ARGV count. Gives new entries, packed as `[[id, [name, value, ...]], ...]`, or, when there are none, the id after which new ones will be. */
export const readScript = holderScript(`
local reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', ARGV[4], 'STREAMS', stream, '>')
if reply then return {cmsgpack.pack(reply[1][2])} end
local groups = redis.call('XINFO', 'GROUPS', stream)
for _, flat in ipairs(groups) do
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  if info.name == group then return info['last-delivered-id'] end
end
return '0-0'
`);

/**
 * Takes over delivered entries without counting that as a delivery. ARGV pairs of id and delivery count. Gives entries as `readScript` does, and the ids
 * of those that are no longer in the stream (which are forgotten).
 */
export const claimScript = holderScript(`
local entries, gone = {}, {}
for i = 4, #ARGV, 2 do
  local claimed = redis.call('XCLAIM', stream, group, consumer, 0, ARGV[i], 'RETRYCOUNT', ARGV[i + 1])
  if claimed[1] then
    entries[#entries + 1] = claimed[1]
  elseif not redis.call('XRANGE', stream, ARGV[i], ARGV[i])[1] then
    redis.call('XACK', stream, group, ARGV[i])
    gone[#gone + 1] = ARGV[i]
  end
end
return {#entries > 0 and cmsgpack.pack(entries) or '', gone}
`);

/** Removes the group's other consumers, all of whose entries have been taken over. */
export const sweepScript = holderScript(`
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  if info.name ~= consumer and info.pending == 0 then redis.call('XGROUP', 'DELCONSUMER', stream, group, info.name) end
end
return 1
`);

/** ARGV ids. */
export const acknowledgeScript = holderScript(`
return redis.call('XACK', stream, group, unpack(ARGV, 4))
`);

/** Notes that an attempt begins. ARGV id, number of the attempt. */
export const attemptScript = holderScript(`
redis.call('XCLAIM', stream, group, consumer, 0, ARGV[4], 'RETRYCOUNT', ARGV[5], 'JUSTID')
return 1
`);

/**
 * Gives up an entry. KEYS dead letters, blocked keys. ARGV id, history, partition key to block (empty: none), whether to keep a dead letter (1 or 0).
 *
 * Without a dead letter a blocking entry stays pending, its attempts start anew once its key is released.
 */
export const giveUpScript = holderScript(`
local id, history, block, keep = ARGV[4], ARGV[5], ARGV[6], ARGV[7] == '1'
if keep then
  local found = redis.call('XRANGE', stream, id, id)[1]
  local entry = found and found[2] or {}
  for _, value in ipairs({'deadposition', id, 'deadgroup', group, 'deaderrors', history}) do entry[#entry + 1] = value end
  redis.call('XADD', KEYS[3], '*', unpack(entry))
end
if block ~= '' then redis.call('SADD', KEYS[4], block) end
if keep or block == '' then
  redis.call('XACK', stream, group, id)
else
  redis.call('XCLAIM', stream, group, consumer, 0, id, 'RETRYCOUNT', 0, 'JUSTID')
end
return 1
`);

/** Lets the stream go at once. ARGV pairs of id and attempts made, of entries that were read and not begun. */
export const releaseScript = holderScript(`
for i = 4, #ARGV, 2 do redis.call('XCLAIM', stream, group, consumer, 0, ARGV[i], 'RETRYCOUNT', ARGV[i + 1], 'JUSTID') end
return redis.call('DEL', KEYS[2])
`);
