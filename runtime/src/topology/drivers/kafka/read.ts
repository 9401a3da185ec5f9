import type { KafkaConnection, KafkaTopicMetadata } from '../../../connections/kafka/index.ts';
import { type KafkaTopicSettings, readBrokerSetting, readTopicSettings } from '../../../connections/kafka/topic-settings.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import { type ClusterDefaults, declaredSettings, type LiveTopic, watchedSettings } from './model.ts';

const noSuchTopic = 3;
const notAuthorized = 29;

/**
 * Every topic but those that servers keep for themselves (`__consumer_offsets`); one request for all of them, one for the settings of `declared`.
 *
 * @throws {MillraceError} ACCESS_DENIED when this user may not look at a declared topic.
 */
export async function readTopics(connection: KafkaConnection, declared: readonly string[]): Promise<LiveTopic[]> {
  const { topics } = await connection.metadata('all');
  const found = topics.filter(({ name, errorCode }) => !name.startsWith('__') && errorCode !== noSuchTopic);
  const names = new Set(found.map(({ name }) => name));
  await requireVisible(
    connection,
    declared.filter((name) => !names.has(name)),
  );
  const present = new Set(declared.filter((name) => names.has(name)));
  const settings = await readSettings(connection, [...present]);
  // One without settings was deleted between the two requests.
  return found
    .filter(({ name }) => settings.has(name) || !present.has(name))
    .map((topic) => ({ ...shapeOf(topic), ...(settings.get(topic.name) ?? { settings: {}, overridden: {} }) }));
}

/** One broker's, which are every broker's in a cluster that is kept well. */
export async function readDefaults(connection: KafkaConnection): Promise<ClusterDefaults> {
  const { brokers } = await connection.metadata();
  const copies = await readBrokerSetting(
    connection,
    brokers.map(({ nodeId }) => nodeId),
    'default.replication.factor',
  );
  return { copies: copies === undefined ? undefined : Number(copies) };
}

function shapeOf({ name, partitions }: KafkaTopicMetadata): Pick<LiveTopic, 'name' | 'partitions' | 'copies'> {
  return { name, partitions: partitions.length, copies: Math.min(...partitions.map(({ replicas }) => replicas.length)) };
}

/** One topic, or undefined when it is not there. */
export async function readTopic(connection: KafkaConnection, name: string): Promise<LiveTopic | undefined> {
  const [topic] = (await connection.metadata([name])).topics;
  if (topic === undefined || topic.errorCode === noSuchTopic) return undefined;
  if (topic.errorCode === notAuthorized) throw hidden(connection, name);
  const settings = (await readSettings(connection, [name])).get(name);
  return settings && { ...shapeOf(topic), ...settings };
}

/** What the user may not see is not among all topics; to create it would fail in a way that nobody understands. */
async function requireVisible(connection: KafkaConnection, missing: readonly string[]): Promise<void> {
  if (missing.length === 0) return;
  const { topics } = await connection.metadata(missing);
  const denied = topics.find(({ errorCode }) => errorCode === notAuthorized);
  if (denied !== undefined) throw hidden(connection, denied.name);
}

type Settings = Pick<LiveTopic, 'settings' | 'overridden'>;

async function readSettings(connection: KafkaConnection, topics: readonly string[]): Promise<Map<string, Settings>> {
  if (topics.length === 0) return new Map();
  const described = await readTopicSettings(connection, topics, [...declaredSettings, ...watchedSettings]);
  const denied = described.find(({ errorCode }) => errorCode === notAuthorized);
  if (denied !== undefined) throw hidden(connection, denied.name);
  const unknown = described.find(({ errorCode }) => errorCode !== 0 && errorCode !== noSuchTopic);
  if (unknown !== undefined) {
    throw new MillraceError(
      'CONNECTION_FAILED',
      `kafka service ${connection.name} does not tell the settings of topic ${unknown.name} (error code ${unknown.errorCode}); try again`,
    );
  }
  return new Map(described.filter(({ errorCode }) => errorCode === 0).map((each) => [each.name, settingsOf(each)]));
}

function settingsOf({ values, overridden }: KafkaTopicSettings): Settings {
  return { settings: Object.fromEntries(values), overridden: Object.fromEntries(overridden) };
}

function hidden({ name }: KafkaConnection, topic: string): MillraceError {
  return new MillraceError(
    'ACCESS_DENIED',
    `kafka service ${name} does not let this user look at topic ${topic}; grant it Describe, DescribeConfigs, Create, Alter and AlterConfigs of the topics by an ACL`,
  );
}
