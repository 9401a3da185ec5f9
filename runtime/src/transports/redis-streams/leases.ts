import type { Redis } from 'ioredis';
import { letGo } from '../../consuming/source.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { blockedKey } from '../../contracts/redis-keys.ts';
import type { Consumer } from './consumer.ts';
import { ensureGroup } from './fetch.ts';
import { type HeldStream, holdStream, takeUpAgain, unbegunOf } from './held-stream.ts';
import { releaseScript } from './holder.lua.ts';
import { acquireLease, isSuperseded, isSure, renewLease, runAsHolder } from './lease.ts';

/** Entries whose count of attempts is put right at a release; the rest count as begun once. */
const maxPairsAtRelease = 10_000;

/** Takes `stream` if it is free. */
export async function takeStream(consumer: Consumer, stream: string): Promise<boolean> {
  const { control, group, held } = consumer;
  const lease = await acquireLease(control, consumer, stream);
  if (lease === undefined) return false;
  await ensureGroup(control, stream, group);
  const blocked = await control.smembers(blockedKey(stream, group));
  held.set(stream, holdStream(lease, new Set(blocked)));
  return true;
}

/** Renews the leases that are due, and gives up those that are over. */
export async function renewLeases(consumer: Consumer): Promise<void> {
  const { held, control, leaseMs } = consumer;
  const due = [...held.values()].filter(({ lease }) => performance.now() - lease.renewedAtMs >= leaseMs / 3);
  const renewals = due.map(async (stream) => {
    if (!(await renewLease(control, consumer, stream.lease))) consumer.lose(stream);
  });
  const failures = (await Promise.allSettled(renewals)).filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  if (failures[0] !== undefined)
    consumer.log.warn({ error: String(failures[0].reason), leases: failures.length }, 'leases could not be renewed');
  for (const stream of [...held.values()]) if (!isSure(stream.lease)) consumer.lose(stream);
}

/** Gives a stream free: what has not begun is left to the next holder with its attempts uncounted. */
export async function releaseStream(consumer: Consumer, held: HeldStream): Promise<void> {
  const { name: stream, lease } = held;
  try {
    const pairs = unbegunOf(held).slice(0, maxPairsAtRelease * 2);
    await runAsHolder(consumer.control, releaseScript, consumer, lease, pairs);
  } catch (error) {
    if (!isSuperseded(error)) consumer.log.warn({ stream, error: String(error) }, 'a lease could not be released; it expires by itself');
  }
  consumer.held.delete(stream);
  letGo(held, new MillraceError('CONSUMER_LEASE_LOST', `the lease of ${stream} was handed on`));
}

/** Lets events of keys go on that were released since. */
export async function refreshBlocked(control: Redis, held: HeldStream, group: string): Promise<void> {
  const before = held.blocked;
  if (before.size === 0) return;
  const now = new Set(await control.smembers(blockedKey(held.name, group)));
  // A key that was blocked meanwhile by this process is not in the answer yet.
  if (held.blocked !== before) return;
  if ([...before].every((key) => now.has(key))) return;
  held.blocked = now;
  takeUpAgain(held);
}
