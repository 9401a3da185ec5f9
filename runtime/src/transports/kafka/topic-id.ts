import type { KafkaNodes } from '../../connections/kafka/index.ts';
import type { Consumer } from './consumer.ts';
import type { HeldPartition } from './held-partition.ts';
import { answer, requireOk } from './protocol/answers.ts';
import { describeTopics } from './protocol/topics.ts';

/** A topic that was made anew between two answers gives no sign of it; after so long it is asked for. */
const sureForMs = 5_000;

/** Id of a topic, drawn when it was made. @param node to be asked; whichever answers unless given. @throws {MillraceError} TOPIC_UNKNOWN, ACCESS_DENIED */
export async function topicIdOf(nodes: Pick<KafkaNodes, 'any' | 'ask'>, topic: string, node?: number): Promise<string> {
  const asked = node === undefined ? nodes.any(describeTopics, [topic]) : nodes.ask(node, describeTopics, [topic]);
  const [described] = (await asked).topics;
  requireOk(described?.errorCode ?? answer.unknownTopic, `topic ${topic}`);
  return described!.id;
}

/** What is fetched may be of another topic of the same name: before more of it is taken up, its id is asked for. */
export function doubtTopic(held: HeldPartition): void {
  held.sureOfTopicUntil = Number.NEGATIVE_INFINITY;
}

/**
 * Loses partitions whose topic was made anew: their offsets say nothing of the new one, which is begun at its start.
 *
 * The broker that has answered the fetch is asked, and afterwards: the id of a topic never comes back, so that what was fetched before was of it as well.
 */
export async function confirmTopic(consumer: Consumer, node: number, partitions: readonly HeldPartition[]): Promise<void> {
  const now = performance.now();
  const doubtful = partitions.filter((held) => !held.lost && held.sureOfTopicUntil < now);
  if (doubtful.length === 0) return;
  const id = await topicIdOf(consumer.shared, consumer.topicName, node);
  for (const held of doubtful) {
    if (held.topicId === id) held.sureOfTopicUntil = now + sureForMs;
    else if (!held.lost) {
      consumer.gone.set(held.partition, held);
      consumer.lose(held);
    }
  }
}
