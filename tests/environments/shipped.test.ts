import { topologyDocument } from '../../environments/document.ts';
import { environment, environments } from '../../environments/index.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { resolveSettings, sizes } from '../../environments/size.ts';
import { referenceTopology } from '../../environments/topology.ts';
import { isMillraceError } from '../../runtime/src/contracts/errors.ts';
import { topologySchema } from '../../runtime/src/contracts/topology.ts';

const day = 24;

test.each(Object.keys(environments))('the shipped environment %s is valid and bears its name', (name) => {
  expect(environment(name).name).toBe(name);
});

test('an unknown environment is refused with the list of names', () => {
  const refused = (name: string) => {
    try {
      return environment(name).name;
    } catch (error) {
      return isMillraceError(error, 'ENVIRONMENT_UNKNOWN') ? error.message : error;
    }
  };
  expect(refused('prod')).toBe('ENV must be one of local, dev, staging, production, got "prod"');
  expect(refused('stagin')).toBe('ENV must be one of local, dev, staging, production, got "stagin"; did you mean staging?');
  expect(refused('constructor')).toBe('ENV must be one of local, dev, staging, production, got "constructor"');
});

test('the topology of an environment is one text, whatever the order of the declaration', () => {
  const { services, ...rest } = environments.staging!;
  const reversed = Object.fromEntries(Object.entries(services!).reverse());
  const again = parseEnvironment({
    ...rest,
    services: reversed,
    topology: referenceTopology(reversed, 'aws', { searchClients: ['arn:aws:iam::111111111111:role/staging-*'] }),
  });
  expect(topologyDocument(again)).toBe(topologyDocument(environment('staging')));
});

describe('the reference topology holds what the requirements ask for', () => {
  const { topology } = environment('staging');

  test.each([
    ['orders.created', 30 * day, 6],
    ['orders.updated', 30 * day, 6],
    ['products.synced', 7 * day, 3],
    ['users.activity', 90 * day, 3],
    ['analytics.events', 365 * day, 12],
    ['audit.logs', 730 * day, 3],
  ])('the log keeps %s for %i hours in %i partitions', (name, retentionHours, partitions) => {
    expect(topology.topics[name]).toMatchObject({ retentionHours, partitions });
    expect(topology.topics[name]!.transports).toContainEqual(expect.objectContaining({ kind: 'kafka', service: 'log' }));
  });

  test.each([
    ['notifications', 'tenant', day],
    ['activity', 'tenant', 7 * day],
    ['chat', 'tenant', 30 * day],
    ['metrics', 'shared', 1],
  ])('streams of %s are %s and kept for %i hours', (name, isolation, retentionHours) => {
    expect(topology.topics[name]).toMatchObject({ isolation, retentionHours, transports: [{ kind: 'redis-streams', service: 'events' }] });
  });

  test('order events are live on Redis Streams and mirrored to Kafka', () => {
    expect(topology.topics['orders.created']!.transports).toEqual([
      { kind: 'redis-streams', service: 'events', phase: 'live' },
      { kind: 'kafka', service: 'log', phase: 'mirror' },
    ]);
  });

  test('e-mails live for a day, webhooks are tried three times more, and dead letters have a queue', () => {
    expect(topology.queues).toMatchObject({ emails: { ttlSeconds: 86_400 }, webhooks: { maxRetries: 3, deadLetterQueue: 'tasks.dlq' } });
    const types = { notifications: 'fanout', events: 'topic', tasks: 'direct', documents: 'headers' };
    expect(Object.fromEntries(Object.entries(topology.exchanges).map(([name, { type }]) => [name, type]))).toEqual(types);
    for (const exchange of Object.keys(types)) expect(topology.bindings).toContainEqual(expect.objectContaining({ exchange }));
  });

  test('every consumer group on Redis with a user of its own may use its topics alone', () => {
    for (const [name, { consumers }] of Object.entries(topology.topics)) {
      for (const { aclUser, group } of consumers.filter((consumer) => consumer.aclUser !== undefined)) {
        expect(topology.aclUsers[aclUser!]).toMatchObject({ groups: [group], topics: expect.arrayContaining([name]), access: 'consume' });
      }
    }
  });

  test('every consumer group on Redis has such a user, and so have the relay, the gateway and the janitor', () => {
    const consumers = Object.values(topology.topics).flatMap((topic) => topic.consumers);
    expect(consumers.filter(({ aclUser }) => aclUser === undefined)).toEqual([]);
    expect(topology.aclUsers).toMatchObject({ relay: { access: 'produce' }, gateway: { access: 'consume' }, janitor: { access: 'admin' } });
  });

  test('services are let in to OpenSearch by their roles on AWS, elsewhere by what a directory says', () => {
    const rolesIn = (name: string) =>
      Object.entries(environment(name).topology.searchRoles).map(([role, { access, backendRoles }]) => [role, access, ...backendRoles]);
    expect(rolesIn('production')).toEqual([
      ['search-readers', 'read', 'arn:aws:iam::222222222222:role/production-*'],
      ['search-writers', 'write', 'arn:aws:iam::222222222222:role/production-*'],
    ]);
    expect(rolesIn('local')).toEqual([
      ['search-readers', 'read', 'search-readers'],
      ['search-writers', 'write', 'search-writers'],
    ]);
    expect(referenceTopology({ search: { kind: 'opensearch', role: 'search' } }, 'aws').searchRoles).toEqual({});
  });

  test('what services do is 10,000 events a day in staging and 100,000 in production', () => {
    const machines = ['analytics.events', 'service.logs', 'metrics'];
    const daily = (name: string) =>
      Object.entries(environment(name).topology.topics)
        .filter(([topic]) => !machines.includes(topic))
        .reduce((sum, [, { volume }]) => sum + volume!.eventsPerDay, 0);
    expect(['staging', 'production'].map(daily)).toEqual([10_000, 100_000]);
  });

  test('its document also says what the database is kept by, and nothing of it is declared twice', () => {
    const document = JSON.parse(topologyDocument(environment('staging')));
    expect(document.retention).toEqual({ outboxDays: 7, inboxDays: 14 });
    expect(topologySchema.parse(document)).toEqual({ ...topology, retention: document.retention });
  });

  test('indices go hot, warm, cold and are archived before they are deleted', () => {
    expect(topology.lifecycles.year).toMatchObject({ hotDays: 7, warmDays: 30, coldDays: 90, deleteDays: 365, archive: true });
    expect(Object.values(topology.indices).map(({ refresh }) => refresh)).toEqual(['default', 'historical', 'real-time']);
  });
});

describe('the roadmap: each step adds one system to the declaration and nothing else', () => {
  const steps = [
    ['Redis', { cache: { kind: 'redis', role: 'cache' }, events: { kind: 'redis-sentinel', role: 'events' } }],
    ['+ OpenSearch', { search: { kind: 'opensearch', role: 'search' } }],
    ['+ Kafka', { log: { kind: 'kafka', role: 'log' } }],
    ['+ RabbitMQ', { tasks: { kind: 'rabbitmq', role: 'tasks' } }],
  ] as const satisfies readonly (readonly [string, EnvironmentInput['services']])[];

  const upTo = (step: number) => {
    const services: NonNullable<EnvironmentInput['services']> = Object.assign({}, ...steps.slice(0, step + 1).map(([, added]) => added));
    return parseEnvironment({ ...environments.staging!, services, topology: referenceTopology(services, 'aws') });
  };

  test.each(steps.map(([name], index) => [name, index] as const))('%s', (_, step) => {
    const { topology } = upTo(step);
    expect(topology.topics['orders.created']!.transports[0]).toMatchObject({ kind: 'redis-streams', phase: 'live' });
    expect(Object.keys(topology.indices).length > 0).toBe(step >= 1);
    expect('analytics.events' in topology.topics).toBe(step >= 2);
    expect(Object.keys(topology.queues).length > 0).toBe(step >= 3);
  });

  test('without Redis the log carries the events', () => {
    const services = { log: { kind: 'kafka', role: 'log' } } as const;
    const { topology } = parseEnvironment({ ...environments.staging!, services, topology: referenceTopology(services, 'aws') });
    expect(topology.topics['orders.created']!.transports).toEqual([{ kind: 'kafka', service: 'log', phase: 'live' }]);
    expect(topology.aclUsers).toEqual({});
  });
});

describe('settings of a service', () => {
  const aws = { engine: { kind: 'aws' }, size: 'small' } as const;
  const process = { engine: { kind: 'process' }, size: 'small' } as const;

  test('are those of its size, with its overrides on top', () => {
    expect(resolveSettings({ kind: 'kafka', role: 'log', overrides: { brokers: 6 } }, aws)).toMatchObject({
      brokerType: 'kafka.t3.small',
      brokers: 6,
      replicationFactor: 3,
      minInSyncReplicas: 2,
    });
  });

  test('are smaller where servers share one machine', () => {
    expect(resolveSettings({ kind: 'kafka', role: 'log' }, process)).toMatchObject({
      brokers: 1,
      replicationFactor: 1,
      minInSyncReplicas: 1,
    });
  });

  test('let a cache evict and nothing else', () => {
    expect(resolveSettings({ kind: 'redis', role: 'cache' }, aws).maxMemoryPolicy).toBe('allkeys-lru');
    expect(resolveSettings({ kind: 'redis', role: 'events' }, aws).maxMemoryPolicy).toBe('noeviction');
    expect(resolveSettings({ kind: 'redis-sentinel', role: 'jobs' }, aws).maxMemoryPolicy).toBe('noeviction');
  });

  test('never shrink with the size', () => {
    for (const kind of Object.keys(sizes) as (keyof typeof sizes)[]) {
      const rows = (['small', 'medium', 'large'] as const).map((size) => sizes[kind][size]);
      const memory = rows.map((row) => ('memoryMiB' in row ? row.memoryMiB : 0));
      expect(memory).toEqual(memory.toSorted((a, b) => a - b));
    }
  });
});
