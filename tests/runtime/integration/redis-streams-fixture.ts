import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { type Topology, type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import type { Transport } from '../../../runtime/src/transport.ts';
import { type RedisStreamsOptions, redisStreams } from '../../../runtime/src/transports/redis-streams/index.ts';
import { eventually } from '../../support/eventually.ts';
import { guardProcess } from '../../support/guard.ts';
import { startTestRedis, type TestRedis, type TestSentinel } from '../../support/servers.ts';

export { eventsOf } from '../support/events.ts';

type TopicInput = Partial<NonNullable<TopologyInput['topics']>[string]>;
export type TopicInputs = Record<string, TopicInput>;

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

export function serviceOf(redis: Pick<TestRedis, 'host' | 'port' | 'password'>): ServiceHandle {
  const service: BoundService = {
    kind: 'redis',
    role: 'events',
    endpoints: [{ purpose: 'primary', host: redis.host, port: redis.port }],
    auth: { mode: 'password', secretRef: { from: 'env', id: 'TEST_REDIS_PASSWORD' } },
  };
  return wrap({ events: service }, { env: { TEST_REDIS_PASSWORD: redis.password } }).service('events');
}

export function sentinelServiceOf({ masterName, sentinels, password, sentinelPassword }: TestSentinel): ServiceHandle {
  const service: BoundService = {
    kind: 'redis-sentinel',
    role: 'events',
    masterName,
    endpoints: sentinels.map(({ host, port }) => ({ purpose: 'sentinel', host, port })),
    auth: {
      mode: 'password',
      secretRef: { from: 'env', id: 'TEST_REDIS_PASSWORD' },
      sentinelSecretRef: { from: 'env', id: 'TEST_SENTINEL_PASSWORD' },
    },
  };
  const env = { TEST_REDIS_PASSWORD: password, TEST_SENTINEL_PASSWORD: sentinelPassword };
  return wrap({ events: service }, { env }).service('events');
}

/** Topics that travel over the test's Redis. */
export function topologyOf(topics: TopicInputs): Topology {
  const routed = Object.entries(topics).map(([name, topic]) => [
    name,
    { transports: [{ kind: 'redis-streams', service: 'events' }], retry: { attempts: 3, initialDelayMs: 20, maxDelayMs: 100 }, ...topic },
  ]);
  return topologySchema.parse({ topics: Object.fromEntries(routed) });
}

export async function openTransport(
  service: ServiceHandle,
  topics: TopicInputs,
  options: Partial<RedisStreamsOptions> = {},
): Promise<Transport> {
  return redisStreams({ service, topology: topologyOf(topics), logger: silent, leaseMs: 1_000, ...options });
}

/** A plain client, to look at the server and to hurt it. */
export async function plainClient(redis: Pick<TestRedis, 'host' | 'port' | 'password'>): Promise<Redis> {
  const client = new Redis({
    host: redis.host,
    port: redis.port,
    password: redis.password,
    lazyConnect: true,
    protocol: 2,
    disconnectTimeout: 100,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return client;
}

/** What a file of tests shares: a server, emptied before each test, and a transport to it. */
interface Ground {
  redis: TestRedis;
  client: Redis;
  transport: Transport;
  /** Resolves when a group has nothing left but `pending` entries. */
  settled(topic: string, group?: string, pending?: number): Promise<void>;
}

export function useGround(topics: TopicInputs, options: Partial<RedisStreamsOptions> = {}): Ground {
  const ground = {
    async settled(topic: string, group = 'g', pending = 0) {
      const probe = async (): Promise<boolean> => {
        const lag = await ground.transport.lag(topic, group);
        return lag.pending === pending && lag.undelivered === 0;
      };
      await eventually(probe, { what: `group ${group} of ${topic} is done but for ${pending}` });
    },
  } as Ground;
  beforeAll(async () => {
    ground.redis = await startTestRedis();
    ground.client = await plainClient(ground.redis);
  });
  afterAll(async () => {
    ground.client.disconnect();
    await ground.redis.stop();
  });
  beforeEach(async () => {
    await ground.client.flushall();
    ground.transport = await openTransport(serviceOf(ground.redis), topics, options);
  });
  afterEach(() => ground.transport.close());
  return ground;
}

/** A consumer in a process of its own, which can be killed and stopped. */
export interface ChildConsumer {
  readonly pid: number;
  /** What it has said so far, a line each. */
  readonly lines: string[];
  kill(signal: NodeJS.Signals): void;
  end(): Promise<void>;
}

export interface ChildSettings {
  readonly redis: Pick<TestRedis, 'host' | 'port' | 'password'>;
  readonly topics: TopicInputs;
  readonly topic: string;
  readonly name: string;
  readonly leaseMs?: number;
  readonly concurrency?: number;
  /** How long its handler takes. */
  readonly handlerMs?: number;
  /** Id of the event whose handler kills the process. */
  readonly poison?: string;
}

export function startChildConsumer(settings: ChildSettings): ChildConsumer {
  const script = join(__dirname, 'redis-streams-consumer.mts');
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const release = guardProcess(child.pid!);
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      release();
      resolve();
    });
  });
  return {
    pid: child.pid!,
    lines,
    kill: (signal) => void child.kill(signal),
    async end() {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** One server for all tests of a file, empty before each. @param use takes it over once it runs */
export function onEmptyRedis(use: (started: { readonly redis: TestRedis; readonly client: Redis }) => void): void {
  let redis: TestRedis | undefined;
  let client: Redis | undefined;
  beforeAll(async () => {
    redis = await startTestRedis();
    client = await plainClient(redis);
    use({ redis, client });
  }, 60_000);
  afterAll(async () => {
    client?.disconnect();
    await redis?.stop();
  });
  beforeEach(async () => {
    await client!.flushall();
  });
}
