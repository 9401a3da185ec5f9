import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProbedEnvironment, probeTargets } from '../../../constructs/aws/probe-function/target.ts';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { connectRedis } from '../../../runtime/src/connections/redis/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { signals } from '../../../runtime/src/contracts/signals.ts';
import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { ProbeAnswer } from '../../../runtime/src/lambda/probe.ts';
import { eventually } from '../../support/eventually.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import {
  startTestPostgres,
  startTestRabbit,
  startTestRedis,
  type TestPostgres,
  type TestRabbit,
  type TestRedis,
} from '../../support/servers.ts';
import { type TestAuthority, testAuthority } from '../../support/test-authority.ts';
import { type ForgetfulRelay, startForgetfulRelay } from '../support/forgetful-relay.ts';
import { type AwsEnvironment, awsEnvironment, type Invocation, unpackedFunction } from '../support/lambda.ts';
import { openLog, type TestLog } from '../support/log.ts';
import { rabbitConnections, rabbitHandle } from '../support/rabbit.ts';
import { startWarmFunction, type WarmFunction } from '../support/warm-function.ts';

const parameter = '/millrace/trial/binding';
const topology: TopologyInput = {
  topics: {
    orders: {
      ...{ transports: [{ kind: 'redis-streams', service: 'events' }], shards: 2, consumers: [{ group: 'emails' }] },
      onExhausted: 'block',
    },
    // Has no blocked keys, and CloudWatch is not told of any.
    invoices: { transports: [{ kind: 'redis-streams', service: 'events' }], consumers: [{ group: 'emails' }], onExhausted: 'skip' },
  },
  queues: { mails: { service: 'tasks', deadLetterQueue: 'dlq' }, dlq: { service: 'tasks' } },
};
const away = { host: '127.0.0.1', port: 9 } as const;

let folder: TestFolder;
let authority: TestAuthority;
let moto: Moto;
let aws: AwsEnvironment;
let redis: TestRedis;
let postgres: TestPostgres;
let rabbit: TestRabbit;
let log: TestLog;
/** On the ways to Redis and to PostgreSQL. */
let relays: readonly [ForgetfulRelay, ForgetfulRelay];
let services: Record<'events' | 'tasks' | 'database' | 'search', BoundService>;
let handlerFile: string;
const functions: WarmFunction[] = [];

beforeAll(async () => {
  [folder, authority] = await Promise.all([testFolder('lambda-probe'), testAuthority()]);
  handlerFile = await unpackedFunction(join(folder.path, 'task'), 'probe');
  [moto, redis, postgres, rabbit] = await Promise.all([
    startMoto(),
    startTestRedis({ tls: authority }),
    startTestPostgres(),
    startTestRabbit(),
  ]);
  Object.assign(process.env, moto.env);
  [aws, log, relays] = await Promise.all([
    awsEnvironment(moto.endpoint, parameter),
    openLog(postgres),
    Promise.all([startForgetfulRelay(redis), startForgetfulRelay(postgres)]),
  ]);
  services = await bound();
  await Promise.all([publishToStream(5), publishToQueue(3)]);
}, 120_000);

afterEach(async () => {
  await Promise.all(functions.splice(0).map((each) => each.end()));
});

afterAll(async () => {
  aws?.close();
  await log?.close();
  await Promise.all((relays ?? []).map((relay) => relay.close()));
  await Promise.all([moto?.stop(), redis?.stop(), postgres?.stop(), rabbit?.stop()]);
  await Promise.all([folder?.remove(), authority?.remove()]);
});

async function bound(): Promise<typeof services> {
  const passwordOf = async (name: string, password: string) => ({
    ...(await aws.secret(name, JSON.stringify({ password }))),
    jsonKey: 'password',
  });
  return {
    events: {
      ...{ kind: 'redis', role: 'events', endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: relays[0].port }] },
      tls: { caRef: await aws.secret('trial/events-ca', await readFile(authority.caFile, 'utf8')) },
      auth: { mode: 'password', secretRef: await passwordOf('trial/events', redis.password) },
    },
    tasks: {
      ...rabbit.handle().service,
      tls: { caRef: await aws.secret('trial/tasks-ca', rabbit.ca) },
      auth: { mode: 'password', username: rabbit.username, secretRef: await passwordOf('trial/tasks', rabbit.password) },
    },
    database: {
      ...{ kind: 'postgres', role: 'database', database: log.database },
      endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: relays[1].port }],
      auth: { mode: 'password', username: postgres.user, secretRef: await passwordOf('trial/database', postgres.password) },
    },
    // What AWS tells of itself is not looked at.
    search: { kind: 'opensearch', role: 'search', endpoints: [{ purpose: 'primary', ...away }], auth: { mode: 'none' } },
  };
}

async function publishToStream(count: number): Promise<void> {
  const env = { PASSWORD: redis.password, CA: authority.ca };
  const own: BoundService = {
    ...services.events,
    tls: { caRef: { from: 'env', id: 'CA' } },
    auth: { mode: 'password', secretRef: { from: 'env', id: 'PASSWORD' } },
  };
  await using connection = await connectRedis(wrap({ events: own }, { env }).service('events'));
  // An alarm looks at no group that nobody declared, and none is paid for.
  await connection.client.xgroup('CREATE', 'stream:{invoices:0}', 'stranger', '0', 'MKSTREAM');
  for (const shard of [0, 1]) await connection.client.xgroup('CREATE', `stream:{orders:${shard}}`, 'emails', '0', 'MKSTREAM');
  for (let index = 0; index < count; index += 1) await connection.client.xadd('stream:{orders:1}', '*', 'data', '{}');
}

async function publishToQueue(count: number): Promise<void> {
  const connections = rabbitConnections();
  try {
    const connection = await connections.open(rabbitHandle(rabbit));
    const publisher = await connection.openPublisher((channel) => channel.assertQueue('mails', { durable: true }));
    for (let index = 0; index < count; index += 1) await publisher.publish('', 'mails', Buffer.from('x'));
  } finally {
    await connections.closeAll();
  }
}

async function start(): Promise<WarmFunction> {
  const started = await startWarmFunction(handlerFile, { ...moto.env, MILLRACE_BINDING: `ssm:${parameter}` });
  functions.push(started);
  return started;
}

const answerOf = ({ answer }: Invocation) => answer as unknown as ProbeAnswer;

/** Values by signal, of lines that CloudWatch takes metrics from: the document is the whole line. */
function metricsIn({ log: lines }: Invocation, service: string): Record<string, number> {
  const told = lines.filter((line) => '_aws' in line && line.Service === service && line.Environment === 'trial');
  return Object.assign({}, ...told) as Record<string, number>;
}

/** Each metric with its dimensions, as CloudWatch counts and charges them. */
function seriesIn({ log: lines }: Invocation): string[] {
  return lines.flatMap(({ _aws, ...members }) => {
    const [directive] = (_aws as { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] }).CloudWatchMetrics;
    const dimensions = Object.fromEntries(directive!.Dimensions[0]!.map((name) => [name, members[name]]));
    return directive!.Metrics.map(({ Name }) => seriesName(Name, dimensions));
  });
}

function seriesName(metric: string, dimensions: object): string {
  return [metric, ...Object.entries(dimensions).map(([name, value]) => `${name}=${value}`)].join(' ');
}

/** What the plan makes alarms of and estimates the price of. */
function planned(): string[] {
  const declared = { ...services, database: { kind: 'postgres' } } as unknown as ProbedEnvironment['services'];
  const targets = probeTargets({ name: 'trial', services: declared, workers: {}, topology: topologySchema.parse(topology) });
  return targets.flatMap(({ series }) =>
    Object.keys(signals).flatMap((name) => (series(name) ?? []).map(({ metric }) => seriesName(metric.metricName, metric.dimensions))),
  );
}

test('looks at every service that CloudWatch is not told of by AWS, and writes what it saw as metrics', async () => {
  await aws.publish(services, topology);
  const run = await start();
  const first = await run.invoke({});
  expect(answerOf(first)).toMatchObject({
    environment: 'trial',
    services: ['database', 'events', 'tasks'].map((service) => ({ service, up: true, durationMs: expect.any(Number) })),
  });
  expect(metricsIn(first, 'events')).toMatchObject({ 'probe.up': 1, 'redis.stream.lag': 5, 'redis.stream.entries_added': 5 });
  expect(metricsIn(first, 'database')).toMatchObject({ 'probe.up': 1, 'outbox.partition_headroom': expect.any(Number) });
  expect(metricsIn(first, 'tasks')).toMatchObject({ 'probe.up': 1, 'rabbitmq.node.running': 1 });
  expect(metricsIn(first, 'search')).toEqual({});
  expect(seriesIn(first).filter((series) => !planned().includes(series))).toEqual([]);
  const warm = await run.invoke({});
  expect(warm.log.every((line) => '_aws' in line)).toBe(true);
  process.stderr.write(
    `probe function: cold ${first.elapsedMs} ms, warm ${warm.elapsedMs} ms, ${answerOf(warm).samples} samples, ${warm.log.length} lines\n`,
  );
  expect(JSON.stringify([first, warm])).not.toMatch(new RegExp([redis.password, rabbit.password, `"${postgres.password}"`].join('|')));
});

test('keeps its connections from one invocation to the next', async () => {
  await aws.publish(services, topology);
  const run = await start();
  await run.invoke({});
  const open = () => relays.map((relay) => relay.connections());
  const before = open();
  await run.invoke({});
  expect(before.every((count) => count > 0)).toBe(true);
  expect(open()).toEqual(before);
});

test.each([
  ['closed', (relay: ForgetfulRelay) => relay.cut()],
  ['forgotten on the way, so that nothing comes back', (relay: ForgetfulRelay) => relay.forget()],
])('a connection that was %s while the process stood still costs no sample', async (_what, harm) => {
  await aws.publish(services, topology);
  const run = await start();
  await run.invoke({});
  run.freeze();
  relays.forEach(harm);
  run.thaw();
  const again = await run.invoke({});
  process.stderr.write(`probe function: ${again.elapsedMs} ms over a connection that had died\n`);
  expect(again.error).toBeUndefined();
  expect(answerOf(again).services.every(({ up }) => up)).toBe(true);
  expect(metricsIn(again, 'events')).toMatchObject({ 'probe.up': 1, 'redis.stream.lag': 5 });
});

test('a service that is away is told as such, and the others are looked at', async () => {
  await aws.publish({ ...services, tasks: { ...services.tasks, endpoints: [{ purpose: 'management', ...away }] } }, topology);
  const run = await start();
  const { error, answer, log: lines } = await run.invoke({});
  expect(error).toBeUndefined();
  const told = (answer as unknown as ProbeAnswer).services.find(({ service }) => service === 'tasks');
  expect(told).toMatchObject({ up: false, error: expect.stringContaining('127.0.0.1:9') });
  expect(lines).toContainEqual(expect.objectContaining({ Service: 'tasks', 'probe.up': 0 }));
  expect(lines).toContainEqual(expect.objectContaining({ level: 'WARN', services: [expect.objectContaining({ service: 'tasks' })] }));
});

test('it fails when nothing could be looked at, having told that', async () => {
  await aws.publish({ events: { ...services.events, endpoints: [{ purpose: 'primary', ...away }] } }, topology);
  const { error, log: lines } = await (await start()).invoke({});
  expect(error?.errorMessage).toMatch(/^no service of trial could be looked at: events: /);
  expect(lines).toContainEqual(expect.objectContaining({ Service: 'events', 'probe.up': 0 }));
});

test('looks at what it is asked for, and at what a deployment has changed without being started again', async () => {
  await aws.publish(services, topology);
  const run = await start();
  expect(answerOf(await run.invoke({ only: ['events'] })).services.map(({ service }) => service)).toEqual(['events']);
  const { database, tasks } = services;
  await aws.publish({ database, tasks }, {});
  expect(answerOf(await run.invoke({})).services.map(({ service }) => service)).toEqual(['database', 'tasks']);
  for (const only of [[], ['evnts'], ['search', 'nowhere']]) expect((await run.invoke({ only })).error).toBeDefined();
  expect((await run.invoke({ onyl: ['events'] })).error?.errorMessage).toContain('onyl: unknown key, did you mean only?');
});

test('a secret that was rotated between two invocations is read again, though it is kept for minutes', async () => {
  await aws.publish({ events: services.events, database: services.database }, topology);
  const run = await start();
  await run.invoke({});
  const rotated = 'of-tomorrow';
  run.freeze();
  await Promise.all([
    log.rows(`alter role "${postgres.user}" password '${rotated}'`),
    aws.rotate(services.database.auth.secretRef!, JSON.stringify({ password: rotated })),
  ]);
  for (const relay of relays) relay.cut();
  run.thaw();
  // A store is asked again 5 s after it was at the earliest, however often a server refuses.
  const again = await eventually(
    async () => {
      const invocation = await run.invoke({});
      return answerOf(invocation).services.every(({ up }) => up) && invocation;
    },
    { what: 'the new password is used', timeoutMs: 20_000 },
  );
  expect(JSON.stringify(again)).not.toMatch(new RegExp([rotated, redis.password].join('|')));
});
