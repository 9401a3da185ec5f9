import { MillraceError } from '../../contracts/errors.ts';
import { once } from '../once.ts';
import { type Asker, openAsker, type Protocol } from './asker.ts';
import type { ClientSource } from './client.ts';
import { kafkaError } from './errors.ts';
import type { KafkaMetadata } from './metadata.ts';

/**
 * Brokers to be asked one by one. Each has sockets of its own, opened with the first question and anew after a failure: one for `Fetch`, one for answers that are
 * held back, one for the rest.
 */
export interface KafkaNodes extends AsyncDisposable {
  /** Leaders and replicas of `topics`; the addresses of brokers are remembered from it. */
  metadata(topics: readonly string[]): Promise<KafkaMetadata>;
  /** Asks whichever broker answers. @throws {MillraceError} as `ask` */
  any<Options, Answer>(protocol: Protocol<Options, Answer>, options: Options): Promise<Answer>;
  /** @throws {MillraceError} CONNECTION_FAILED, CONNECTION_TIMEOUT, CONNECTION_CLOSED */
  ask<Options, Answer>(node: number, protocol: Protocol<Options, Answer>, options: Options, limitMs?: number): Promise<Answer>;
  close(): Promise<void>;
}

interface AnyNode {
  readonly ask: KafkaNodes['any'];
  readonly metadata: KafkaNodes['metadata'];
}

/** @param anyNode asks whichever broker answers; the connection's own line. */
export function openNodes(source: ClientSource, anyNode: AnyNode, onClosed: () => void): KafkaNodes {
  const askers = new Map<string, Asker>();
  let addresses: ReadonlyMap<number, string> = new Map();
  let closed = false;
  const metadata = async (topics: readonly string[]): Promise<KafkaMetadata> => {
    const found = await anyNode.metadata(topics);
    addresses = new Map(found.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]));
    return found;
  };
  const askerOf = async (node: number, heldBack: boolean): Promise<Asker> => {
    if (!addresses.has(node)) await metadata([]);
    const address = addresses.get(node);
    if (closed) throw new MillraceError('CONNECTION_CLOSED', `connection to ${source.where} is closed`);
    if (address === undefined) throw new MillraceError('CONNECTION_FAILED', `${source.where} has no broker ${node} now`);
    const line = heldBack ? `${address} held back` : address;
    const asker = askers.get(line) ?? openAsker(source.at(address));
    askers.set(line, asker);
    return asker;
  };
  const close = once(async () => {
    closed = true;
    await Promise.all([...askers.values()].map((asker) => asker.close()));
    onClosed();
  });
  return {
    metadata,
    any: anyNode.ask,
    async ask(node, protocol, options, limitMs) {
      try {
        return await (await askerOf(node, protocol.heldBack ?? false)).ask(protocol, options, limitMs);
      } catch (error) {
        throw kafkaError(error, `broker ${node} of ${source.where}`);
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
