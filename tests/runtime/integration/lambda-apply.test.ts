import { join } from 'node:path';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { connectRedis } from '../../../runtime/src/connections/redis/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import type { TopologyInput } from '../../../runtime/src/contracts/topology.ts';
import { type TestFolder, testFolder } from '../../support/folders.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { startTestRabbit, startTestRedis, type TestRabbit, type TestRedis } from '../../support/servers.ts';
import { startAwsGate } from '../support/aws-gate.ts';
import { type AwsEnvironment, awsEnvironment, type Invocation, invoke, unpackedFunction } from '../support/lambda.ts';
import { rabbitConnections, rabbitHandle } from '../support/rabbit.ts';

const parameter = '/millrace/trial/binding';
const topology: TopologyInput = {
  topics: {
    orders: { transports: [{ kind: 'redis-streams', service: 'events' }], shards: 2, consumers: [{ group: 'emails' }] },
  },
  queues: { emails: { service: 'tasks', maxRetries: 5, deadLetterQueue: 'dlq' }, dlq: { service: 'tasks' } },
  exchanges: { orders: { service: 'tasks', type: 'topic' } },
  bindings: [{ exchange: 'orders', queue: 'emails', routingKey: '#' }],
};

let folder: TestFolder;
let moto: Moto;
let aws: AwsEnvironment;
let redis: TestRedis;
let rabbit: TestRabbit;
let handlerFile: string;
let services: Record<'events' | 'tasks', BoundService>;

beforeAll(async () => {
  folder = await testFolder('lambda');
  handlerFile = await unpackedFunction(join(folder.path, 'task'));
  [moto, redis, rabbit] = await Promise.all([startMoto(), startTestRedis(), startTestRabbit()]);
  Object.assign(process.env, moto.env);
  aws = await awsEnvironment(moto.endpoint, parameter);
  const passwordOf = async (name: string, password: string) => ({
    ...(await aws.secret(name, JSON.stringify({ password }))),
    jsonKey: 'password',
  });
  services = {
    events: {
      ...{ kind: 'redis', role: 'events' },
      endpoints: [{ purpose: 'primary', host: redis.host, port: redis.port }],
      auth: { mode: 'password', secretRef: await passwordOf('trial/events', redis.password) },
    },
    tasks: {
      ...rabbit.handle().service,
      tls: { caRef: await aws.secret('trial/ca', rabbit.ca) },
      auth: { mode: 'password', username: rabbit.username, secretRef: await passwordOf('trial/tasks', rabbit.password) },
    },
  };
}, 120_000);

afterAll(async () => {
  aws?.close();
  await Promise.all([moto?.stop(), redis?.stop(), rabbit?.stop()]);
  await folder?.remove();
});

/** What Terraform does: the event of the deployment, in the environment of the function. */
function deploy(event: object, remainingMs?: number, env: Readonly<Record<string, string>> = {}): Promise<Invocation> {
  return invoke(handlerFile, event, { ...moto.env, MILLRACE_BINDING: `ssm:${parameter}`, ...env }, remainingMs);
}

const openOf = ({ answer }: Invocation) => {
  const { services: answered } = answer as { services: { service: string; open: string[] }[] };
  return Object.fromEntries(answered.map(({ service, open }) => [service, open]));
};

describe('a deployment', () => {
  test('finds every server as it was declared, each with the secret of its own; told again, it has nothing to do', async () => {
    const meant = await aws.publish(services, topology);
    const first = await deploy({ ...meant, allow: [] });
    expect(first).toMatchObject({
      answer: {
        ...{ environment: 'trial', status: 'applied' },
        services: [
          { service: 'events', status: 'applied', open: [] },
          { service: 'tasks', status: 'applied', open: [] },
        ],
      },
    });
    const second = await deploy({ ...meant, allow: [] });
    expect(second.answer).toMatchObject({ status: 'as-declared', services: [{ applied: 0 }, { applied: 0 }] });
    process.stdout.write(`first apply ${first.elapsedMs} ms, nothing to do ${second.elapsedMs} ms, each with the start of its process\n`);
    expect(await groupsOf('stream:{orders:1}')).toEqual(['emails']);
    expect(JSON.stringify([first, second])).not.toMatch(new RegExp([redis.password, rabbit.password].join('|')));
  });

  test('tells each change in a line of JSON', async () => {
    await rabbit.ctl('delete_queue', 'dlq');
    const { log, answer } = await deploy({});
    expect(answer).toMatchObject({ status: 'applied' });
    expect(log).toContainEqual(
      expect.objectContaining({
        level: 'INFO',
        message: 'change',
        service: 'tasks',
        name: 'tasks/queue/dlq',
        action: 'create',
        state: 'applied',
      }),
    );
    expect(log.every(({ timestamp }) => !Number.isNaN(Date.parse(timestamp as string)))).toBe(true);
  });

  test('by hand, with check, answers what differs and changes nothing', async () => {
    await rabbit.ctl('delete_queue', 'dlq');
    const look = () => deploy({ check: true, only: ['tasks'] });
    const found = await look();
    expect(found.error).toBeUndefined();
    expect(openOf(found)).toEqual({ tasks: expect.arrayContaining(['tasks/queue/dlq']) });
    expect(openOf(await look())).toEqual(openOf(found));
    expect((await deploy({})).answer).toMatchObject({ status: 'applied' });
  });
});

test('the clients of all servers are in it, and a domain is asked as its master user', async () => {
  const away = { host: '127.0.0.1', port: 9, authMode: 'iam' } as const;
  const iam = { region: 'eu-central-1', resourceName: 'trial' };
  const role = 'arn:aws:iam::123456789012:role/trial-search-master';
  const elsewhere: Record<string, BoundService> = {
    log: {
      ...{ kind: 'kafka', role: 'log', tls: {}, auth: { mode: 'iam' }, iam: { ...iam, service: 'kafka-cluster' } },
      endpoints: [{ purpose: 'bootstrap', ...away }],
    },
    search: {
      ...{ kind: 'opensearch', role: 'search', tls: {}, auth: { mode: 'iam' }, iam: { ...iam, service: 'es' } },
      endpoints: [{ purpose: 'primary', ...away }],
      administration: { roleArn: role, tiers: 'none' },
    },
  };
  await aws.publish(elsewhere, {
    topics: { orders: { transports: [{ kind: 'kafka', service: 'log' }] } },
    indices: { logs: { service: 'search' } },
  });
  const gate = await startAwsGate(moto.endpoint);
  try {
    const { error } = await deploy({ check: true }, 30_000, { AWS_ENDPOINT_URL: gate.endpoint });
    expect(error?.errorMessage).toMatch(
      /could not be compared: log is unreachable \(CONNECTION_\w+ .*search is unreachable \(CONNECTION_/s,
    );
    // STS has no name of the action in its headers.
    expect(gate.asked).toContain('POST /');
  } finally {
    await gate.close();
  }
});

describe('a deployment fails with one sentence', () => {
  test('when a server is away; the others are done', async () => {
    const away: BoundService = { ...services.events, endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 9 }] };
    const meant = await aws.publish(
      { ...services, events: away },
      { ...topology, exchanges: { ...topology.exchanges, late: { service: 'tasks', type: 'fanout' } } },
    );
    const { error } = await deploy(meant);
    expect(error?.errorMessage).toMatch(
      /^the topology of trial is not in place: events is unreachable \(CONNECTION_FAILED .*127\.0\.0\.1:9.*; done: tasks$/s,
    );
    expect(await rabbit.ctl('list_exchanges', 'name')).toContain('late');
  });

  test('when a change would cost messages: how many, and how to allow it; which then happens once', async () => {
    await aws.publish(services, topology);
    await deploy({});
    await publishTo('emails', 3);
    const meant = await aws.publish(services, {
      ...topology,
      queues: { ...topology.queues, emails: { service: 'tasks', type: 'classic' } },
    });
    const refused = await deploy(meant);
    expect(refused.error?.errorMessage).toContain('tasks is refused');
    expect(refused.error?.errorMessage).toMatch(/tasks\/queue\/emails waits: .*losing 3 messages/);
    expect(refused.error?.errorMessage).toContain('list tasks/queue/emails in protection.allowDestroy and deploy');
    const allow = ['tasks/queue/emails'];
    expect((await deploy({ ...meant, allow })).answer).toMatchObject({ status: 'applied' });
    const again = await deploy({ ...meant, allow });
    expect(again.answer).toMatchObject({ status: 'as-declared' });
    expect(again.log).toContainEqual(expect.objectContaining({ level: 'WARN', idle: allow }));
  });

  test('when the binding is of another generation, or means another topology', async () => {
    const meant = await aws.publish(services, topology);
    const other = 'f'.repeat(64);
    // 12 s are left: 10 of them are kept for the end, so that it waits for 2.
    const late = await deploy({ ...meant, generation: other }, 12_000);
    expect(late.error?.errorMessage).toBe(
      `binding of trial has generation ${meant.generation}, the deployment means ${other}; another deployment came between, or only half of this one is there: deploy again`,
    );
    const elsewhere = await deploy({ ...meant, topologyHash: other }, 12_000);
    expect(elsewhere.error?.errorMessage).toContain(
      `binding of trial has the topology ${meant.topologyHash}, the deployment means ${other}`,
    );
  });

  test('when the topology is not the one that the binding means', async () => {
    const meant = await aws.publish(services, { ...topology, exchanges: {}, bindings: [] });
    await aws.spoil(meant.topologyHash, '{}');
    const { error } = await deploy(meant);
    expect(error?.errorMessage).toMatch(/^topology at s3:\/\/documents\/topology\/\w+\.json has hash \w+, the binding means/);
  });

  test.each([
    [{ chek: true }, 'chek: unknown key, did you mean check?'],
    [{ allow: 'x' }, 'allow: must be an array'],
    [{ generation: 'x' }, 'generation: '],
  ])('when it asks for %j', async (event, sentence) => {
    expect((await deploy(event)).error?.errorMessage).toContain(sentence);
  });

  test('when AWS would end it before it could say so', async () => {
    expect((await deploy({}, 5_000)).error?.errorMessage).toContain('give it a longer timeout');
  });
});

async function groupsOf(stream: string): Promise<unknown[]> {
  const env = { PASSWORD: redis.password };
  const own: BoundService = { ...services.events, auth: { mode: 'password', secretRef: { from: 'env', id: 'PASSWORD' } } };
  await using connection = await connectRedis(wrap({ events: own }, { env }).service('events'));
  const groups = (await connection.client.xinfo('GROUPS', stream)) as unknown[][];
  return groups.map((group) => group[group.indexOf('name') + 1]);
}

async function publishTo(queue: string, count: number): Promise<void> {
  const connections = rabbitConnections();
  try {
    const connection = await connections.open(rabbitHandle(rabbit));
    const publisher = await connection.openPublisher();
    for (let index = 0; index < count; index += 1) await publisher.publish('', queue, Buffer.from('x'));
  } finally {
    await connections.closeAll();
  }
}
