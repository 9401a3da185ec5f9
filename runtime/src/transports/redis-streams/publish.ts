import type { Redis } from 'ioredis';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import type { MillraceEvent } from '../../contracts/event.ts';
import { publishFenceKey } from '../../contracts/redis-keys.ts';
import type { PublishOptions, PublishResult } from '../../transport.ts';
import { type Batch, type Plan, planBatches } from './batches.ts';
import { type FieldName, fieldsOf, fieldsUsed, packEvent } from './codec.ts';
import { type Fences, noSequence, padded } from './fences.ts';
import type { Incarnation } from './incarnation.ts';
import { createPacker, type Packer } from './msgpack.ts';
import { publishScript } from './publish.lua.ts';
import { failedResult, publishError } from './publish-errors.ts';
import { runScript } from './script.ts';
import type { Routed, Router } from './streams.ts';
import type { TenantRegistry } from './tenants.ts';

/** One script blocks the server while it runs: 1,000 events take about 8 ms. */
const maxEventsPerScript = 1_000;
const maxBytesPerScript = 1_048_576;

interface PublishContext {
  readonly client: Redis;
  readonly router: Router;
  readonly fences: Fences;
  readonly incarnation: Incarnation;
  readonly tenants: TenantRegistry;
}

type Publish = (topic: string, events: readonly MillraceEvent[], options?: PublishOptions) => Promise<readonly PublishResult[]>;

/** One call under way: what it publishes and what has become of it so far. */
interface Call {
  readonly events: readonly MillraceEvent[];
  readonly options: PublishOptions;
  readonly results: PublishResult[];
  readonly fields: readonly FieldName[];
  readonly packedNames: Buffer;
}

export function createPublish({ client, router, fences, incarnation, tenants }: PublishContext): Publish {
  const packer = createPacker(maxBytesPerScript);
  const layouts = createLayouts(packer);

  const send = async (call: Call, batch: Batch): Promise<void> => {
    const { fence } = call.options;
    const chunk = takeChunk(call.events, batch);
    const highest = fence === undefined ? noSequence : highestSequence(call.events, chunk);
    const previous = fence === undefined ? noSequence : fences.acknowledged(fence, batch.stream);
    const who = [fence?.producer ?? '', padded(fence?.epoch ?? 0n), previous, highest];
    const values = packValues(packer, call, chunk);
    try {
      const first = await runScript(
        client,
        publishScript,
        [batch.stream, publishFenceKey(batch.stream)],
        [...who, call.packedNames, values],
      );
      if (fence !== undefined) fences.acknowledge(fence, batch.stream, highest);
      settle(call.results, chunk, String(first));
    } catch (error) {
      const failure = publishError(error, batch.stream, fence?.epoch);
      if (isMillraceError(failure, 'BROKER_LOST_EVENTS')) fences.lost();
      fail(call.results, batch, chunk[0]!, failure);
    }
  };

  const sendAll = async (call: Call, { batches }: Plan): Promise<void> => {
    for (let open = batches; open.length > 0; open = open.filter(({ sent, indices }) => sent < indices.length)) {
      if (call.options.signal?.aborted === true) {
        const aborted = new MillraceError('PUBLISH_FAILED', 'publishing was aborted by its signal', { cause: call.options.signal.reason });
        for (const batch of open) fail(call.results, batch, batch.indices[batch.sent]!, aborted);
        return;
      }
      await Promise.all(open.map((batch) => send(call, batch)));
    }
  };

  return async (topic, events, options = {}) => {
    if (events.length === 0) return [];
    const routed = routeOf(router, topic);
    const refusal = routed instanceof Error ? routed : (delayed(options) ?? unasked(options, incarnation));
    if (refusal !== undefined || routed instanceof Error) return events.map(() => failedResult(refusal as MillraceError));
    const call = { events, options, results: new Array<PublishResult>(events.length), ...layouts(routed, events) };
    const plan = planBatches(routed, events, call.results);
    const unregistered = plan.tenants.size === 0 ? undefined : await registration(tenants, topic, plan.tenants);
    if (unregistered === undefined) await sendAll(call, plan);
    else for (const batch of plan.batches) fail(call.results, batch, batch.indices[0]!, unregistered);
    return call.results;
  };
}

function routeOf(router: Router, topic: string): Routed | MillraceError {
  try {
    return router(topic);
  } catch (error) {
    if (isMillraceError(error)) return error;
    throw error;
  }
}

function delayed({ delayMs = 0 }: PublishOptions): MillraceError | undefined {
  if (delayMs <= 0) return undefined;
  return new MillraceError('DELAY_UNSUPPORTED', `Redis Streams delivers at once, got a delay of ${delayMs} ms; publish it when it is due`);
}

function unasked({ fence }: PublishOptions, incarnation: Incarnation): MillraceError | undefined {
  if (fence === undefined || incarnation.isKnown()) return undefined;
  return new MillraceError('PUBLISH_FAILED', 'the connection to the broker is new: ask incarnation() before publishing under a fence');
}

async function registration(tenants: TenantRegistry, topic: string, names: ReadonlySet<string>): Promise<MillraceError | undefined> {
  try {
    await tenants.register(topic, names);
    return undefined;
  } catch (error) {
    return publishError(error, `the tenant registry of ${topic}`, undefined);
  }
}

/**
 * The fields that events of a topic are written with. A field stays once it was needed, so that the entries of a topic soon all look alike, which Redis
 * stores and appends faster (8.6 µs an event with all 16 fields, 7.6 with the 11 that most events have).
 */
function createLayouts(packer: Packer): (routed: Routed, events: readonly MillraceEvent[]) => Pick<Call, 'fields' | 'packedNames'> {
  const layouts = new Map<string, { bits: number; fields: readonly FieldName[]; packedNames: Buffer }>();
  return ({ name }, events) => {
    const known = layouts.get(name);
    const bits = fieldsUsed(events, known?.bits ?? 0);
    if (known?.bits === bits) return known;
    const fields = fieldsOf(bits);
    packer.array(fields.length);
    for (const field of fields) packer.text(field);
    const layout = { bits, fields, packedNames: packer.take() };
    layouts.set(name, layout);
    return layout;
  };
}

/** The next events of a batch that fit into one script; at least one. */
function takeChunk(events: readonly MillraceEvent[], batch: Batch): readonly number[] {
  const from = batch.sent;
  const limit = Math.min(batch.indices.length, from + maxEventsPerScript);
  let bytes = 0;
  while (batch.sent < limit) {
    bytes += events[batch.indices[batch.sent]!]!.data?.byteLength ?? 0;
    if (bytes > maxBytesPerScript && batch.sent > from) break;
    batch.sent += 1;
  }
  return from === 0 && batch.sent === batch.indices.length ? batch.indices : batch.indices.slice(from, batch.sent);
}

function packValues(packer: Packer, { events, fields }: Call, chunk: readonly number[]): Buffer {
  packer.array(chunk.length * fields.length);
  for (const index of chunk) packEvent(events[index]!, fields, packer);
  return packer.take();
}

/** Late rows come after newer ones, so the last event of a batch need not have the highest log id. */
function highestSequence(events: readonly MillraceEvent[], chunk: readonly number[]): string {
  let highest = '';
  for (const index of chunk) {
    const sequence = events[index]!.sequence ?? '';
    if (sequence.length > highest.length || (sequence.length === highest.length && sequence > highest)) highest = sequence;
  }
  return padded(highest);
}

function settle(results: PublishResult[], chunk: readonly number[], first: string): void {
  const dash = first.indexOf('-');
  const milliseconds = first.slice(0, dash + 1);
  const start = Number(first.slice(dash + 1));
  for (let i = 0; i < chunk.length; i++) results[chunk[i]!] = { status: 'published', position: `${milliseconds}${start + i}` };
}

/** Fails a batch from `index` on: after a failure nothing more of the call goes to the stream. */
function fail(results: PublishResult[], batch: Batch, index: number, error: MillraceError): void {
  for (let i = batch.indices.indexOf(index); i < batch.indices.length; i++) results[batch.indices[i]!] = failedResult(error);
  batch.sent = batch.indices.length;
}
