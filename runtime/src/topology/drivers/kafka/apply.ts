import type { ServiceHandle } from '../../../binding/index.ts';
import type { KafkaConnection } from '../../../connections/kafka/index.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import { Pause } from '../../../pause.ts';
import type { Change, PropertyDifference } from '../../driver.ts';
import { type DeclaredTopic, declaredSettings } from './declared.ts';
import { type DiffOptions, planDeclared } from './diff.ts';
import { refusal, requireSet, typeOf } from './errors.ts';
import { openCounter } from './offsets.ts';
import { type LiveTopic, readTopic } from './read.ts';
import { setTopicSettings } from './settings.ts';

export interface ApplyContext {
  readonly connection: KafkaConnection;
  readonly service: ServiceHandle;
  readonly options: DiffOptions;
  readonly signal: AbortSignal;
}

/** How long a cluster may take to show what it has accepted; after the loss of a broker it elects anew first. */
const shownWithinMs = 20_000;
const pollMs = 50;

/** Deletes a topic and waits until it is gone. */
export async function deleteTopic(context: ApplyContext, topic: string): Promise<void> {
  const { connection, options } = context;
  try {
    await (await connection.admin()).deleteTopics({ topics: [topic] });
  } catch (error) {
    if (typeOf(rootOf(error)) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw refusal(error, options.service, topic);
  }
  await shown(context, `topic ${topic} is gone`, async () => (await readTopic(connection, topic)) === undefined);
}

/**
 * Makes one topic as declared, from wherever it is: a part of the change may have been carried out before.
 *
 * @throws {MillraceError} TOPOLOGY_CONFLICT when it differs in another way than `change` says, TOPOLOGY_REFUSED, ACCESS_DENIED
 */
export async function makeAsDeclared(context: ApplyContext, declared: DeclaredTopic, change: Change): Promise<void> {
  const { connection, options } = context;
  const live = await readTopic(connection, declared.name);
  const [plan] = planDeclared(declared, live, options);
  if (plan === undefined) return;
  if (live === undefined) return create(context, declared);
  requireSame(change, plan.change);
  if (plan.change.action === 'replace') {
    await deleteTopic(context, declared.name);
    return create(context, declared);
  }
  await requireStillEmpty(context, declared, live, change);
  await update(context, declared, live);
}

async function create(context: ApplyContext, declared: DeclaredTopic): Promise<void> {
  const { name, partitions, settings } = declared;
  const { connection, options } = context;
  const configEntries = declaredSettings.map((setting) => ({ name: setting, value: settings[setting] }));
  try {
    await (await connection.admin()).createTopics({
      // kafkajs's own wait gives up over a leader that is being elected.
      waitForLeaders: false,
      topics: [{ topic: name, numPartitions: partitions, replicationFactor: brokersDefault, configEntries }],
    });
  } catch (error) {
    // Somebody was faster, with another shape maybe: then it is not shown as declared.
    if (typeOf(rootOf(error)) !== 'TOPIC_ALREADY_EXISTS') throw refusal(error, options.service, name);
  }
  await shownAsDeclared(context, declared);
}

const brokersDefault = -1;

async function update(context: ApplyContext, declared: DeclaredTopic, live: LiveTopic): Promise<void> {
  const { connection, options } = context;
  const { name, partitions, settings } = declared;
  if (partitions > live.partitions) {
    try {
      await (await connection.admin()).createPartitions({ topicPartitions: [{ topic: name, count: partitions }] });
    } catch (error) {
      throw refusal(error, options.service, name);
    }
  }
  const changed = declaredSettings.filter((setting) => settings[setting] !== live.settings[setting]);
  if (changed.length > 0) {
    const values = Object.fromEntries(changed.map((setting) => [setting, settings[setting]]));
    requireSet(await setTopicSettings(connection, name, values), options.service, name);
  }
  await shownAsDeclared(context, declared);
}

/** Whatever is still to do must have been among what was compared, from the same values. */
function requireSame(compared: Change, now: Change): void {
  const known = new Map(compared.differences.map((difference) => [difference.property, difference]));
  const other = now.differences.find(({ property, live }) => !known.has(property) || known.get(property)!.live !== live);
  if (other !== undefined) throw changedMeanwhile(compared, other);
}

function changedMeanwhile({ name }: Change, { property, live }: PropertyDifference): MillraceError {
  return new MillraceError(
    'TOPOLOGY_CONFLICT',
    `${name} was changed after it was compared: ${property} is ${live ?? 'unset'} by now; compare again`,
  );
}

/** Nobody was asked about the order of events that were not there yet. */
async function requireStillEmpty(context: ApplyContext, declared: DeclaredTopic, live: LiveTopic, change: Change): Promise<void> {
  if (change.danger !== undefined || !declared.ordered || declared.partitions === live.partitions) return;
  await using counter = await openCounter(context.service);
  const messages = await counter.messages(declared.name);
  if (messages === 0) return;
  throw new MillraceError(
    'TOPOLOGY_CONFLICT',
    `${change.name} was empty when it was compared and has ${messages} messages by now; compare again`,
  );
}

async function shownAsDeclared(context: ApplyContext, declared: DeclaredTopic): Promise<void> {
  const { connection, options } = context;
  await shown(context, `topic ${declared.name} is as declared`, async () => {
    const live = await readTopic(connection, declared.name);
    if (live === undefined || planDeclared(declared, live, options).length > 0) return false;
    const [metadata] = (await connection.metadata([declared.name])).topics;
    return metadata!.partitions.every(({ leader }) => leader !== undefined);
  });
}

async function shown({ options, signal }: ApplyContext, what: string, look: () => Promise<boolean>): Promise<void> {
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

/** kafkajs wraps what it has tried again. */
function rootOf(error: unknown): unknown {
  let root = error;
  while (typeOf(root) === undefined && root instanceof Error && root.cause instanceof Error) root = root.cause;
  return root;
}
