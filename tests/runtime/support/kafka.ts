import { pbkdf2Sync, randomBytes } from 'node:crypto';
import * as kafkajs from 'kafkajs';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import { clusterCatcher } from '../../../runtime/src/connections/kafka/cluster.ts';
import {
  connectKafka,
  type KafkaConnection,
  type KafkaConnectOptions,
  type KafkaConsumerOptions,
} from '../../../runtime/src/connections/kafka/index.ts';
import { isMillraceError, type MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { readEnds } from '../../../runtime/src/transports/kafka/log-ends.ts';
import { createLeaderMap } from '../../../runtime/src/transports/kafka/topics.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy, type TestProxy } from '../../support/proxy.ts';
import { startTestKafka, type TestKafka } from '../../support/servers.ts';

/** Opens connections and closes them after each test. */
export function kafkaConnections() {
  const opened: { close(): Promise<void> }[] = [];
  return {
    async open(handle: ServiceHandle, options?: KafkaConnectOptions): Promise<KafkaConnection> {
      const connection = await connectKafka(handle, options);
      opened.push(connection);
      return connection;
    },
    also: (closable: { close(): Promise<void> }) => void opened.push(closable),
    closeAll: () => Promise.all(opened.splice(0).map((connection) => connection.close())),
  };
}

/** A broker whose clients are led through a proxy, so that their lines can be cut; both stand for the whole file. */
export function proxiedKafka(settings: Readonly<Record<string, string>> = {}): { readonly server: TestKafka; readonly proxy: TestProxy } {
  let server: TestKafka;
  let proxy: TestProxy;
  beforeAll(async () => {
    server = await startTestKafka({
      settings,
      advertise: async (_node, listens) => {
        proxy = await startProxy(listens);
        return proxy;
      },
    });
  }, 120_000);
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });
  return {
    get server() {
      return server;
    },
    get proxy() {
      return proxy;
    },
  };
}

export function topicName(what: string): string {
  return `${what}-${randomBytes(4).toString('hex')}`;
}

/** Creates a topic and returns its name when every partition has a leader that takes messages. */
export async function createTopic(
  connection: KafkaConnection,
  what: string,
  shape: { partitions?: number; replicas?: number; settings?: Record<string, string> } = {},
): Promise<string> {
  const { partitions = 3, replicas = 1, settings = {} } = shape;
  const topic = topicName(what);
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  const admin = await connection.admin();
  await admin.createTopics({
    waitForLeaders: false,
    topics: [{ topic, numPartitions: partitions, replicationFactor: replicas, configEntries }],
  });
  await eventually(
    async () => {
      const [known] = (await connection.metadata([topic])).topics;
      return (
        known?.partitions.length === partitions &&
        known.partitions.every(({ leader, inSync }) => leader !== undefined && inSync.length === replicas)
      );
    },
    { what: `topic ${topic} is there`, timeoutMs: 20_000 },
  );
  await takesMessages(connection, topic);
  return topic;
}

/**
 * Waits until every leader has opened its partitions.
 *
 * Brokers tell of leaders a moment before these take messages. Of a batch that is sent in between one part is refused, kafkajs sends all of it again, and
 * the other part is in the topic twice.
 */
export async function takesMessages(connection: KafkaConnection, topic: string): Promise<void> {
  await using nodes = await connection.nodes();
  const leaders = createLeaderMap(nodes);
  await eventually(async () => readEnds(nodes, leaders, topic, [...(await leaders.of(topic)).keys()]), {
    what: `topic ${topic} takes messages`,
    timeoutMs: 20_000,
  });
}

/** A consumer's options that keep the values it gets. */
export function collecting(topic: string, change: Partial<KafkaConsumerOptions> = {}): { values: string[]; options: KafkaConsumerOptions } {
  const values: string[] = [];
  const eachBatch: KafkaConsumerOptions['eachBatch'] = async ({ batch }) => {
    values.push(...batch.messages.map(({ value }) => String(value)));
  };
  return { values, options: { groupId: topicName('group'), topics: [topic], eachBatch, ...change } };
}

export async function refusal(work: Promise<unknown>): Promise<MillraceError> {
  const error: unknown = await work.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (isMillraceError(error)) return error;
  throw error;
}

export async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now();
  const value = await work;
  return { value, ms: performance.now() - startedAt };
}

/** Sockets that this process has open, of whatever kind. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;
}

export function report(fault: string, ms: number): void {
  process.stderr.write(`kafka: ${fault}: recovered in ${Math.max(0, Math.round(ms))} ms\n`);
}

/**
 * Gives a user of `server` another password for SCRAM-SHA-512, logged in as the super user whose password is `login`. kafkajs knows no such request, so its
 * bytes are made here: AlterUserScramCredentials, key 51, version 0.
 */
export async function setScramPassword(server: TestKafka, login: string, user: string, password: string): Promise<void> {
  const catcher = clusterCatcher(kafkajs);
  const consumer = new kafkajs.Kafka({
    brokers: server.brokers.map(({ host, port }) => `${host}:${port}`),
    ssl: { ca: server.ca! },
    sasl: { mechanism: 'scram-sha-512', username: server.username, password: login },
    logLevel: kafkajs.logLevel.NOTHING,
  }).consumer({ groupId: 'unused', partitionAssigners: [catcher.assigner] });
  await consumer.connect();
  const bytes = scramUpsertion(user, password);
  const request = { apiKey: 51, apiVersion: 0, apiName: 'AlterUserScramCredentials', encode: async () => ({ buf: bytes, buffer: bytes }) };
  const response = { decode: async (payload: Buffer) => ({ payload }), parse: async ({ payload }: { payload: Buffer }) => payload };
  try {
    const answer = await catcher.cluster().brokerPool.seedBroker.connectionPool.send<Buffer>({ request, response });
    // Tagged fields, throttle time, one result, the user's name; then the code.
    const code = answer.readInt16BE(1 + 4 + 1 + 1 + user.length);
    if (code !== 0) throw new Error(`the broker answered ${code} to the new password of ${user}`);
  } finally {
    await consumer.disconnect();
  }
}

function scramUpsertion(user: string, password: string): Buffer {
  const [salt, iterations] = [randomBytes(24), 4_096];
  const salted = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
  const [headerTags, deletions, upsertions, sha512] = [0, 1, 2, 2];
  return Buffer.concat([
    Buffer.of(headerTags, deletions, upsertions),
    compact(Buffer.from(user)),
    Buffer.of(sha512),
    int32(iterations),
    compact(salt),
    compact(salted),
    Buffer.of(0, 0),
  ]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Length plus one as a varint of one byte, which is all that is needed here. */
function compact(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length + 1), bytes]);
}

/** Number of the broker that coordinates a group. */
export async function coordinatorOf(connection: KafkaConnection, group: string): Promise<number> {
  const { partitions } = (await connection.metadata(['__consumer_offsets'])).topics[0]!;
  return partitions.find(({ partition }) => partition === Math.abs(javaHash(group) % partitions.length))!.leader!;
}

/** By which Kafka finds the partition of the offsets, whose leader coordinates the group. */
function javaHash(text: string): number {
  return [...text].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0, 0);
}
