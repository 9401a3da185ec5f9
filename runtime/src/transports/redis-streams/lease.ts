import type { Redis } from 'ioredis';
import { replyCode } from '../../connections/redis/errors.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { leaseFenceKey, leaseKey } from '../../contracts/redis-keys.ts';
import { acquireScript, renewScript } from './lease.lua.ts';
import { runScript, type Script } from './script.ts';

/** The right to read and acknowledge one stream for a group. */
export interface Lease {
  readonly stream: string;
  readonly fence: bigint;
  /** What the lease key holds while it is ours. */
  readonly value: string;
  /** On the clock of `performance.now()`; until then nobody else can have taken the stream. */
  sureUntilMs: number;
  /** When the lease was last renewed, on the same clock. */
  renewedAtMs: number;
}

/** Who asks, for scripts that only the holder may run. */
export interface Holder {
  readonly group: string;
  /** Name of the consumer in the group, for people who look. */
  readonly consumer: string;
  /** Unique to the subscription: the holder of leases. */
  readonly id: string;
  readonly leaseMs: number;
}

/** Taken off the lease for the difference between two clocks and for what a process does between looking at the clock and acting. */
const marginShare = 1 / 8;

/** @returns undefined when another consumer holds the stream. */
export async function acquireLease(client: Redis, holder: Holder, stream: string): Promise<Lease | undefined> {
  const sentAtMs = performance.now();
  const keys = [leaseKey(stream, holder.group), leaseFenceKey(stream, holder.group)];
  const fence = await runScript(client, acquireScript, keys, [holder.id, String(holder.leaseMs)]);
  if (fence === null) return undefined;
  const value = `${holder.id}/${String(fence)}`;
  return { stream, fence: BigInt(String(fence)), value, sureUntilMs: sureUntil(sentAtMs, holder), renewedAtMs: sentAtMs };
}

/** @returns whether the lease was still held; then it is good for another `leaseMs` from when this was sent. */
export async function renewLease(client: Redis, holder: Holder, lease: Lease): Promise<boolean> {
  const sentAtMs = performance.now();
  const renewed = await runScript(client, renewScript, [leaseKey(lease.stream, holder.group)], [lease.value, String(holder.leaseMs)]);
  if (renewed !== 1) return false;
  lease.sureUntilMs = sureUntil(sentAtMs, holder);
  lease.renewedAtMs = sentAtMs;
  return true;
}

function sureUntil(sentAtMs: number, { leaseMs }: Holder): number {
  return sentAtMs + leaseMs * (1 - marginShare);
}

/** Whether the lease can still be relied on without asking. */
export function isSure(lease: Lease): boolean {
  return performance.now() < lease.sureUntilMs;
}

/** Runs a script of `holder.lua.ts`. */
export function runAsHolder(
  client: Redis,
  script: Script,
  { group, consumer }: Holder,
  { stream, value }: Lease,
  args: readonly string[] = [],
  moreKeys: readonly string[] = [],
): Promise<unknown> {
  return runScript(client, script, [stream, leaseKey(stream, group), ...moreKeys], [value, group, consumer, ...args]);
}

/** Whether a script of the holder was refused because the lease has passed to another. */
export function isSuperseded(error: unknown): boolean {
  return replyCode(error) === 'SUPERSEDED';
}

/** Why a delivery's signal is aborted when its stream goes to another consumer. */
export function leaseLost(stream: string): MillraceError {
  return new MillraceError('CONSUMER_LEASE_LOST', `the lease of ${stream} was lost; another consumer of the group may hold it`);
}
