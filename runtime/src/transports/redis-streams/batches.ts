import { behindRefused } from '../../behind-refused.ts';
import { MillraceError } from '../../contracts/errors.ts';
import { type MillraceEvent, plainTenant, plainTenantRule } from '../../contracts/event.ts';
import type { PublishResult } from '../../transport.ts';
import { failedResult } from './publish-errors.ts';
import { partitionKeyOf, type Routed } from './streams.ts';

/** The events of one call that go to one stream, as indices into the call's events. */
export interface Batch {
  readonly stream: string;
  readonly indices: number[];
  /** How many of `indices` have been sent. */
  sent: number;
}

export interface Plan {
  readonly batches: Batch[];
  readonly tenants: ReadonlySet<string>;
}

/**
 * Sorts events by stream, in their order. Events that cannot be published get their result at once, and with them the later ones of their keys.
 */
export function planBatches(routed: Routed, events: readonly MillraceEvent[], results: PublishResult[]): Plan {
  const byStream = new Map<string, Batch>();
  const tenants = new Set<string>();
  const heldKeys = new Set<string>();
  for (let i = 0; i < events.length; i++) {
    const event = events[i]!;
    const stream = routed.streamOf(event);
    const refusal = refuse(routed, event, stream, heldKeys);
    if (refusal !== undefined || stream === undefined) {
      if (refusal !== undefined) results[i] = failedResult(refusal);
      const key = partitionKeyOf(event);
      if (key !== undefined) heldKeys.add(key);
      continue;
    }
    if (routed.shards.length === 0 && event.tenantid !== undefined) tenants.add(event.tenantid);
    const batch = byStream.get(stream);
    if (batch === undefined) byStream.set(stream, { stream, indices: [i], sent: 0 });
    else batch.indices.push(i);
  }
  return { batches: [...byStream.values()], tenants };
}

function refuse(
  routed: Routed,
  event: MillraceEvent,
  stream: string | undefined,
  heldKeys: ReadonlySet<string>,
): MillraceError | undefined {
  const bytes = event.data?.byteLength ?? 0;
  const key = partitionKeyOf(event);
  if (heldKeys.size > 0 && key !== undefined && heldKeys.has(key)) {
    return behindRefused(event);
  }
  if (stream === undefined) {
    return new MillraceError('TENANT_REQUIRED', `topic ${routed.name} isolates tenants; event ${event.id} must carry tenantid, got none`);
  }
  // Under a name with a meaning the stream could lie where a user of another tenant may read.
  if (routed.topic.isolation === 'tenant' && !plainTenant.test(event.tenantid!)) {
    return new MillraceError('EVENT_INVALID', `tenantid of event ${event.id} ${plainTenantRule}, got ${JSON.stringify(event.tenantid)}`);
  }
  if (bytes > routed.topic.maxBytes) {
    return new MillraceError('EVENT_TOO_LARGE', `data of event ${event.id} must be at most ${routed.topic.maxBytes} bytes, got ${bytes}`);
  }
  return undefined;
}
