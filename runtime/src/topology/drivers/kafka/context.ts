import type { ServiceHandle } from '../../../binding/index.ts';
import type { KafkaConnection } from '../../../connections/kafka/index.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import { Pause } from '../../../pause.ts';
import { compareTopic, type DiffOptions } from './diff.ts';
import type { DeclaredTopic } from './model.ts';
import { readTopic } from './read.ts';

export interface ApplyContext {
  readonly connection: KafkaConnection;
  readonly service: ServiceHandle;
  readonly options: DiffOptions;
  readonly signal: AbortSignal;
}

/** How long a cluster may take to show what it has accepted; after the loss of a broker it elects anew first. */
const shownWithinMs = 20_000;
const pollMs = 50;

export async function shownAsDeclared(context: ApplyContext, declared: DeclaredTopic): Promise<void> {
  const { connection, options } = context;
  await shown(context, `topic ${declared.name} is as declared`, async () => {
    const live = await readTopic(connection, declared.name);
    if (live === undefined || compareTopic(declared, live, options).length > 0) return false;
    const [metadata] = (await connection.metadata([declared.name])).topics;
    return metadata!.partitions.every(({ leader }) => leader !== undefined);
  });
}

export async function shown({ options, signal }: ApplyContext, what: string, look: () => Promise<boolean>): Promise<void> {
  const pause = new Pause();
  for (const deadline = performance.now() + shownWithinMs; !(await look()); await pause.wait(pollMs, signal)) {
    signal.throwIfAborted();
    if (performance.now() < deadline) continue;
    throw new MillraceError(
      'CONNECTION_TIMEOUT',
      `kafka service ${options.service} did not show within ${shownWithinMs} ms that ${what}; apply again`,
    );
  }
}
