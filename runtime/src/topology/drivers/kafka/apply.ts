import { readTopicSettings, setTopicSettings } from '../../../connections/kafka/topic-settings.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import type { Change, PropertyDifference } from '../../driver.ts';
import { type ApplyContext, shown, shownAsDeclared } from './context.ts';
import { openCounter } from './count.ts';
import { create } from './create.ts';
import { compareTopic } from './diff.ts';
import { refusal, requireSet, rootOf, typeOf } from './errors.ts';
import { type DeclaredTopic, declaredSettings, type LiveTopic } from './model.ts';
import { readTopic } from './read.ts';

/** Deletes a topic and waits until it is gone. */
export async function deleteTopic(context: ApplyContext, topic: string): Promise<void> {
  const { connection, options } = context;
  await takeBackSettings(context, topic);
  try {
    await (await connection.admin()).deleteTopics({ topics: [topic] });
  } catch (error) {
    if (typeOf(rootOf(error)) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw refusal(error, options.service, topic);
  }
  await shown(context, `topic ${topic} is gone`, async () => (await readTopic(connection, topic)) === undefined);
}

/**
 * A broker that starts anew reads what was set for a topic of this name after it has read of its deletion, and gives it to the next one: seen with Kafka 4.
 * What was taken back before is not there to be read.
 */
async function takeBackSettings({ connection, options }: ApplyContext, topic: string): Promise<void> {
  const [found] = await readTopicSettings(connection, [topic], []);
  const own = [...(found?.overridden.keys() ?? [])];
  if (own.length === 0) return;
  const outcome = await setTopicSettings(connection, topic, Object.fromEntries(own.map((setting) => [setting, null])));
  if (outcome.errorCode !== noSuchTopic) requireSet(outcome, options.service, topic);
}

const noSuchTopic = 3;

/**
 * Makes one topic as declared, from wherever it is: a part of the change may have been carried out before.
 *
 * @throws {MillraceError} TOPOLOGY_CONFLICT when it differs in another way than `change` says, TOPOLOGY_REFUSED, ACCESS_DENIED
 */
export async function makeAsDeclared(context: ApplyContext, declared: DeclaredTopic, change: Change): Promise<void> {
  const { connection, options } = context;
  const live = await readTopic(connection, declared.name);
  const [plan] = compareTopic(declared, live, options);
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

async function update(context: ApplyContext, declared: DeclaredTopic, live: LiveTopic): Promise<void> {
  const { connection, options } = context;
  const { name, partitions, settings } = declared;
  if (partitions > live.partitions) {
    try {
      await (await connection.admin()).createPartitions({ topicPartitions: [{ topic: name, count: partitions }] });
    } catch (error) {
      // The broker that was looked at may not have heard yet that they are there; whether they are is looked at in the end.
      if (typeOf(rootOf(error)) !== 'INVALID_PARTITIONS') throw refusal(error, options.service, name);
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
