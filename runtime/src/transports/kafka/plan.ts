import { behindRefused } from '../../behind-refused.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { type MillraceEvent, plainTenant, plainTenantRule } from '../../contracts/event.ts';
import type { Topic } from '../../contracts/topology.ts';
import type { PublishResult } from '../../transport.ts';
import { partitionOf } from './topics.ts';

/** The events of one call that go to one partition, as indices into the call's events. */
export interface PartitionPlan {
  readonly partition: number;
  readonly indices: number[];
  /** How many of `indices` have their result. */
  done: number;
  /** Messages in a batch at most. */
  limit: number;
}

/** Sorts events by partition, in their order. Those that cannot be published get their result at once, and with them the later ones of their keys. */
export function planPartitions(
  name: string,
  topic: Topic,
  events: readonly MillraceEvent[],
  partitions: number,
  results: PublishResult[],
): PartitionPlan[] {
  const plans = new Map<number, PartitionPlan>();
  const heldKeys = new Set<string>();
  for (let index = 0; index < events.length; index++) {
    const event = events[index]!;
    const refusal = refuse(name, topic, event, heldKeys);
    if (refusal !== undefined) {
      results[index] = failed(refusal);
      if (event.partitionkey !== undefined) heldKeys.add(event.partitionkey);
      continue;
    }
    const partition = partitionOf(event, partitions);
    const plan = plans.get(partition);
    if (plan === undefined) plans.set(partition, { partition, indices: [index], done: 0, limit: Number.POSITIVE_INFINITY });
    else plan.indices.push(index);
  }
  return [...plans.values()];
}

function refuse(name: string, topic: Topic, event: MillraceEvent, heldKeys: ReadonlySet<string>): MillraceError | undefined {
  const { id, partitionkey, tenantid } = event;
  const bytes = event.data?.byteLength ?? 0;
  if (heldKeys.size > 0 && partitionkey !== undefined && heldKeys.has(partitionkey)) return behindRefused(event);
  if (topic.isolation === 'tenant' && tenantid === undefined) {
    return new MillraceError('TENANT_REQUIRED', `topic ${name} isolates tenants; event ${id} must carry tenantid, got none`);
  }
  if (topic.isolation === 'tenant' && !plainTenant.test(tenantid!)) {
    return new MillraceError('EVENT_INVALID', `tenantid of event ${id} ${plainTenantRule}, got ${JSON.stringify(tenantid)}`);
  }
  if (bytes > topic.maxBytes) {
    return new MillraceError('EVENT_TOO_LARGE', `data of event ${id} must be at most ${topic.maxBytes} bytes, got ${bytes}`);
  }
  return undefined;
}

/** The result of an event that was not published. */
export function failed(error: MillraceError): PublishResult {
  return { status: 'failed', retriable: error.retriable, error };
}
