import { jsonData, type MillraceEvent } from '../../../runtime/src/contracts/event.ts';
import type { PublishOptions, PublishResult, Transport } from '../../../runtime/src/transport.ts';

/** A broker in memory whose answers a test scripts; what real brokers do is tested with real ones. */
export interface Recorder {
  readonly transport: Transport;
  /** Events that were acknowledged, in order. */
  readonly events: MillraceEvent[];
  /** The same as `key#n`. */
  published(): string[];
  /** From now on calls wait. */
  hold(): void;
  release(): void;
  /** Calls that wait. */
  waiting(): number;
  /** Decides on each event instead of taking it. */
  answer(decide: (event: MillraceEvent, topic: string) => Error | undefined): void;
  become(incarnation: string): void;
  readonly fences: NonNullable<PublishOptions['fence']>[];
}

export function recorder(): Recorder {
  const events: MillraceEvent[] = [];
  const fences: NonNullable<PublishOptions['fence']>[] = [];
  let incarnation = 'first';
  let decide: (event: MillraceEvent, topic: string) => Error | undefined = () => undefined;
  let gate: { opened: Promise<void>; open: () => void } | undefined;
  let waiting = 0;
  const pass = async (signal: AbortSignal | undefined): Promise<void> => {
    waiting++;
    const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([gate?.opened, aborted]);
    waiting--;
  };
  const publish = async (
    topic: string,
    batch: readonly MillraceEvent[],
    { fence, signal }: PublishOptions = {},
  ): Promise<PublishResult[]> => {
    if (gate !== undefined) await pass(signal);
    if (fence !== undefined) fences.push(fence);
    const failedKeys = new Set<string | undefined>();
    return batch.map((event, i): PublishResult => {
      const error = signal?.aborted ? new Error('aborted') : (decide(event, topic) ?? waits(event, failedKeys));
      if (error === undefined) {
        events.push(event);
        return { status: 'published', position: `1-${events.length + i}` };
      }
      if (event.partitionkey !== undefined) failedKeys.add(event.partitionkey);
      return { status: 'failed', retriable: (error as { retriable?: boolean }).retriable ?? true, error };
    });
  };
  const transport = {
    kind: 'redis-streams',
    publish,
    incarnation: async () => incarnation,
    close: async () => undefined,
  } as unknown as Transport;
  return {
    transport,
    events,
    fences,
    published: () => events.map(nameOf),
    hold: () => {
      let open = (): void => undefined;
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      gate = { opened, open };
    },
    release: () => {
      gate?.open();
      gate = undefined;
    },
    waiting: () => waiting,
    answer: (next) => {
      decide = next;
    },
    become: (next) => {
      incarnation = next;
    },
  };
}

function waits(event: MillraceEvent, failedKeys: ReadonlySet<string | undefined>): Error | undefined {
  return event.partitionkey !== undefined && failedKeys.has(event.partitionkey)
    ? new Error('waits for an earlier one of its key')
    : undefined;
}

/** `key#n` of an event of `log.ts`. */
function nameOf(event: MillraceEvent): string {
  return `${event.partitionkey}#${jsonData<{ n: number }>(event)?.n}`;
}
