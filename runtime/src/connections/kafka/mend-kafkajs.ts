import { loadPeer } from '../peer.ts';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

interface Connection {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect(): Promise<unknown>;
}

const mended = Symbol.for('millrace.kafkajs.mended');
type Mendable<T> = T & { [mended]?: true };

/** Mends two faults of kafkajs 2.2.4, the last version there is, in the loaded module; other users of it in the process have the benefit too. */
export async function mendKafkajs(): Promise<void> {
  // @ts-expect-error: kafkajs has no types for its inner modules
  mendRequestQueue(prototypeOf(await loadPeer('kafkajs', () => import('kafkajs/src/network/requestQueue/index.js'))));
  // @ts-expect-error: kafkajs has no types for its inner modules
  mendConnection(prototypeOf(await loadPeer('kafkajs', () => import('kafkajs/src/network/connection.js'))));
}

/**
 * A busy loop: each connection asks for a timer at a negative time, hence after 1 ms, and again when it fires, for as long as it lives; newer versions of
 * Node also print a warning about it. The queue needs its timer only while something waits in it.
 *
 * Measured with one idle consumer and one admin client on Node 20: 3.3 % of a core before, 1.0 % after.
 *
 * @see https://github.com/tulios/kafkajs/issues/1751
 */
function mendRequestQueue(queue: Mendable<RequestQueue>): void {
  if (queue[mended]) return;
  const schedule = queue.scheduleCheckPendingRequests;
  queue[mended] = true;
  queue.scheduleCheckPendingRequests = function onlyWhileSomethingWaits(this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/**
 * A connection that broke within an answer keeps what it had of it, takes the first answer on the next socket for the rest, and so waits for ever: the broker
 * seems not to answer `SaslHandshake`.
 *
 * Measured with a consumer whose sockets were reset 40 times: before, it took 7 to 11 s to come back in 6 of them; after, less than 1.5 s in all.
 */
function mendConnection(connection: Mendable<Connection>): void {
  if (connection[mended]) return;
  const connect = connection.connect;
  connection[mended] = true;
  connection.connect = function withoutRemains(this: Connection): Promise<unknown> {
    if (!this.isConnected()) Object.assign(this, { chunks: [], bytesBuffered: 0, bytesNeeded: sizeOfLength });
    return connect.call(this);
  };
}

/** Bytes that tell how long an answer is. */
const sizeOfLength = 4;

function prototypeOf<T>(loaded: unknown): Mendable<T> {
  return (loaded as { readonly default: { readonly prototype: Mendable<T> } }).default.prototype;
}
