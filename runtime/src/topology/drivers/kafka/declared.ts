import { MillraceError } from '../../../contracts/errors.ts';
import { carriedBy, deadLetterHours, deadLetterTopics, type Topic, type Topology } from '../../../contracts/topology.ts';
import type { DeclaredTopic } from './model.ts';

/** Kafka's own default of `max.message.bytes`: it limits a whole batch, and below this batches would have to be smaller than clients make them. */
const defaultBatchBytes = 1_048_588;
/** Room for what is not data: attributes in headers, and the frame of the batch. HTTP servers commonly allow as much for headers. */
const attributesBytes = 16_384;
/** Room for the history of errors that a dead letter carries besides. */
const errorsBytes = 65_536;
/** Kafka's limit, because a partition's folder is named after its topic. */
const maxNameLength = 249;
const msPerHour = 3_600_000;

/**
 * The topics that `topology` routes to `service`, each with a topic for the dead letters of every group; in whatever phase, so that a topic can change its live
 * transport without anything being made first.
 *
 * @throws {MillraceError} BINDING_INVALID when a topic of dead letters cannot have its name.
 */
export function declaredOn(topology: Pick<Topology, 'topics'>, service: string): DeclaredTopic[] {
  const declared = carriedBy(topology, 'kafka', service).flatMap(([name, topic]) => [
    eventTopic(name, topic),
    ...topicsOfDead(name, topic),
  ]);
  refuseNames(declared.map(({ name }) => name));
  return declared.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function eventTopic(name: string, { partitions, ordered, retentionHours, maxBytes }: Topic): DeclaredTopic {
  return { name, partitions, ordered, settings: settingsOf(retentionHours, maxBytes + attributesBytes) };
}

function topicsOfDead(name: string, topic: Topic): DeclaredTopic[] {
  const settings = settingsOf(deadLetterHours(topic), topic.maxBytes + attributesBytes + errorsBytes);
  return deadLetterTopics(name, topic).map((dead) => ({ name: dead, partitions: 1, ordered: topic.ordered, settings }));
}

function settingsOf(retentionHours: number, eventBytes: number): DeclaredTopic['settings'] {
  return {
    'cleanup.policy': 'delete',
    'max.message.bytes': String(Math.max(defaultBatchBytes, eventBytes)),
    'retention.ms': String(retentionHours * msPerHour),
  };
}

function refuseNames(names: readonly string[]): void {
  const long = names.find((name) => name.length > maxNameLength);
  if (long !== undefined) {
    throw new MillraceError(
      'BINDING_INVALID',
      `topic of dead letters ${long} has ${long.length} characters, Kafka takes ${maxNameLength}; shorten the name of the topic or of the group`,
    );
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new MillraceError('BINDING_INVALID', `topic ${twice} is also the name of a topic of dead letters; rename the topic or the group`);
}
