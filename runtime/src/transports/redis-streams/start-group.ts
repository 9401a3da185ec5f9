import type { Redis } from 'ioredis';
import { replyCode } from '../../connections/redis/errors.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { consumersKey, leaseKey } from '../../contracts/redis-keys.ts';
import { defineScript, runScript } from './script.ts';
import { tenantOf } from './tenants.ts';

/** KEYS stream, lease. ARGV group, the id after which it begins. In one step, so that no consumer can take the stream or make the group anew in between. */
const startGroupScript = defineScript(`
if redis.call('EXISTS', KEYS[2]) == 1 then return redis.error_reply('HELD a consumer has the stream') end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[1]) end
return redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
`);

/** Counts consumers that are there. KEYS register of consumers. */
const presentScript = defineScript(`
local time = redis.call('TIME')
return redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), '+inf')
`);

/**
 * Makes a group that begins at `from`, in place of the one there was; what that one had not acknowledged is delivered again only if it comes after.
 *
 * @throws {MillraceError} SUBSCRIPTION_INVALID when the group has consumers of the topic, or one ended without closing less than a lease ago.
 */
export async function startGroup(
  client: Redis,
  topic: string,
  streams: readonly string[],
  group: string,
  from: 'earliest' | 'latest' | Date,
): Promise<void> {
  const tenants = streams.map(tenantOf).filter((tenant) => tenant !== undefined);
  const registers = [consumersKey(topic, group), ...tenants.map((tenant) => consumersKey(topic, group, tenant))];
  for (const register of registers) {
    if (((await runScript(client, presentScript, [register], [])) as number) > 0) throw hasConsumers(topic, group);
  }
  const leases = streams.map((stream) => leaseKey(stream, group));
  const held = await Promise.all(leases.map((lease) => client.exists(lease)));
  if (held.includes(1)) throw hasConsumers(topic, group);
  // Streams may lie on different nodes of a cluster: a consumer that starts now can have got one of them.
  const outcomes = await Promise.allSettled(
    streams.map((stream, index) => runScript(client, startGroupScript, [stream, leases[index]!], [group, idBefore(from)])),
  );
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  if (failures.length === 0) return;
  const moved = streams.filter((_, index) => outcomes[index]!.status === 'fulfilled');
  throw failures.find((failure) => replyCode(failure) !== 'HELD') ?? hasConsumers(topic, group, moved);
}

function hasConsumers(topic: string, group: string, moved: readonly string[] = []): MillraceError {
  const text = `group ${group} has consumers of ${topic}; stop them before it begins elsewhere`;
  const already = moved.length === 0 ? '' : ` (in ${moved.join(', ')} it does already: one started meanwhile; do the same again)`;
  return new MillraceError('SUBSCRIPTION_INVALID', `${text}${already}`);
}

/** The last id before a time: entries of its own millisecond are delivered. */
function idBefore(from: 'earliest' | 'latest' | Date): string {
  if (from === 'latest') return '$';
  return from === 'earliest' || from.getTime() <= 0 ? '0-0' : `${from.getTime() - 1}-18446744073709551615`;
}
