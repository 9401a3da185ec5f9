import { setTimeout as pause } from 'node:timers/promises';
import type { KafkaNodes } from '../../connections/kafka/index.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import { requireOk } from './protocol/answers.ts';
import { findCoordinator } from './protocol/group.ts';

/** How long a group may take to get a coordinator: the first one of a new cluster takes seconds, one that moves has to load the group. */
const patienceMs = 5_000;
const betweenMs = 200;

/** Node that looks after a group. @throws {MillraceError} CONNECTION_FAILED while it has none, ACCESS_DENIED */
export async function findGroupNode(nodes: Pick<KafkaNodes, 'any'>, group: string): Promise<number> {
  const { errorCode, node } = await nodes.any(findCoordinator, group);
  requireOk(errorCode, `group ${group}`);
  return node;
}

/** Asks the coordinator of a group; again, with another one if need be, while it cannot answer yet. @param ask throws what `requireOk` does */
export async function askCoordinator<T>(nodes: Pick<KafkaNodes, 'any'>, group: string, ask: (node: number) => Promise<T>): Promise<T> {
  for (const until = performance.now() + patienceMs; ; await pause(betweenMs)) {
    try {
      return await ask(await findGroupNode(nodes, group));
    } catch (error) {
      if (!isMillraceError(error, 'CONNECTION_FAILED') || performance.now() > until) throw error;
    }
  }
}
