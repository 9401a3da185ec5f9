import { parseEnvironment } from '../../environments/schema.ts';
import { minimal, refusal, withEngine, withServices } from './declaration.ts';

const existing = {
  host: 'orders.example.com',
  database: 'orders',
  username: 'orders',
  passwordSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-AbCdEf',
  securityGroupId: 'sg-0a1b',
};

describe('services: fails if', () => {
  test.each<[string, unknown, string[]]>([
    [
      'a kind cannot play the role',
      withServices({ search: { kind: 'redis', role: 'search' } }),
      ['services.search.role: must be one of cache, events, jobs for the kind redis, got "search", which is for opensearch'],
    ],
    [
      'the Redis that holds streams may evict',
      withServices({ events: { kind: 'redis-sentinel', role: 'events', overrides: { maxMemoryPolicy: 'allkeys-lru' } } }),
      [
        'services.events.overrides.maxMemoryPolicy: must be noeviction for the role events, got "allkeys-lru", which deletes whole streams with their groups ' +
          'when memory is short; remove it, and keep what may be evicted on a service of role cache',
      ],
    ],
    [
      'a node of AWS is to have other memory than its type',
      withServices({ tasks: { kind: 'rabbitmq', role: 'tasks', overrides: { memoryMiB: 1_024 } } }),
      ['services.tasks.overrides.memoryMiB: must be left out on the engine aws, where instanceType decides'],
    ],
    [
      'AWS is to provision PostgreSQL',
      withServices({ database: { kind: 'postgres', role: 'database' } }),
      ['services.database.existing: is required on the engine aws, which provisions no database: say how to reach yours'],
    ],
    [
      'a database that exists is named where one is started',
      {
        ...withServices({ database: { kind: 'postgres', role: 'database', existing } }),
        engine: { kind: 'process', ports: { base: 17_000 } },
      },
      ['services.database.existing: must be left out on the engine process, which starts a database of its own'],
    ],
    [
      'a worker is declared where no container runs',
      { ...withServices({}), engine: { kind: 'docker' }, workers: { relay: { command: 'relay', image: 'millrace:0.1.0' } } },
      ['workers.relay: must be left out on the engine docker: start it there with millrace relay'],
    ],
    [
      'a worker runs whatever image is the latest',
      { ...withServices({}), workers: { relay: { command: 'relay', image: 'millrace:latest' } } },
      [expect.stringContaining('workers.relay.image: must')],
    ],
    [
      'jobs lie on a single node',
      withServices({ jobs: { kind: 'redis', role: 'jobs', overrides: { replicas: 0 } } }),
      ['services.jobs.overrides.replicas: must be at least 1 for the role jobs on aws, got 0: nothing would take over when the node fails'],
    ],
    [
      'brokers do not fill the zones',
      withServices({ log: { kind: 'kafka', role: 'log', overrides: { brokers: 4 } } }),
      ['services.log.overrides.brokers: must be a multiple of the 3 zones, got 4'],
    ],
    [
      'there are fewer brokers than copies',
      withServices({ log: { kind: 'kafka', role: 'log', overrides: { replicationFactor: 4 } } }),
      ['services.log.overrides.replicationFactor: must be at most the 3 brokers, got 4'],
    ],
    [
      'every copy must acknowledge',
      withServices({ log: { kind: 'kafka', role: 'log', overrides: { minInSyncReplicas: 3 } } }),
      [
        'services.log.overrides.minInSyncReplicas: must be less than the replication factor 3, got 3: with one broker down for a patch nobody could write',
      ],
    ],
    [
      'the inbox forgets before the outbox does',
      { ...minimal(), retention: { inboxDays: 3 } },
      [
        'retention.inboxDays: must be at least the 7 days of retention.outboxDays, got 3: events replayed from the log would be set aside as too old',
      ],
    ],
    [
      'backups are rarer than they are kept',
      { ...minimal(), backup: { snapshotEveryHours: 48, keepDays: 1 } },
      ['backup.snapshotEveryHours: must be at most the 24 hours of backup.keepDays, got 48: there would be times without any backup'],
    ],
  ])('%s', (_, input, expected) => expect(refusal(input)).toEqual(expected));

  test('brokers fill at most three zones, which is where MSK puts them', () => {
    const zones = ['a', 'b', 'c', 'd'].map((letter) => `eu-central-1${letter}`);
    const services = { log: { kind: 'kafka', role: 'log', overrides: { brokers: 6 } } };
    expect(refusal({ ...withEngine({ availabilityZones: zones }), services })).toEqual([]);
    expect(refusal({ ...withEngine({ availabilityZones: zones.slice(0, 2) }), services: { log: { kind: 'kafka', role: 'log' } } })).toEqual(
      ['services.log.overrides.brokers: must be a multiple of the 2 zones, got 3'],
    );
  });

  test('MSK Serverless has no brokers to fill zones with', () => {
    const services = { log: { kind: 'kafka', role: 'log', overrides: { serverless: true } } };
    expect(refusal({ ...withEngine({ availabilityZones: ['eu-central-1a', 'eu-central-1b'] }), services })).toEqual([]);
  });

  test('a cache may evict, and its policy may be chosen', () => {
    expect(refusal(withServices({ cache: { kind: 'redis', role: 'cache', overrides: { maxMemoryPolicy: 'volatile-ttl' } } }))).toEqual([]);
  });

  test('a worker is for Graviton unless it says otherwise', () => {
    const image = 'registry/millrace-worker:0.1.0';
    const { workers } = parseEnvironment({
      ...minimal(),
      workers: { relay: { command: 'relay', image }, other: { command: 'relay', image, architecture: 'x86_64' } },
    });
    expect(workers).toMatchObject({ relay: { architecture: 'arm64', tasks: 2 }, other: { architecture: 'x86_64' } });
  });
});
