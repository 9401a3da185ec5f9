import { Alertmanager } from '../../constructs/docker/alertmanager/index.ts';
import { Kafka } from '../../constructs/docker/kafka/index.ts';
import { OpenSearch } from '../../constructs/docker/opensearch/index.ts';
import { Postgres } from '../../constructs/docker/postgres/index.ts';
import { Prometheus } from '../../constructs/docker/prometheus/index.ts';
import { RabbitMq } from '../../constructs/docker/rabbitmq/index.ts';
import { Redis } from '../../constructs/docker/redis/index.ts';
import { RedisSentinel } from '../../constructs/docker/redis-sentinel/index.ts';
import { parseEnvironment } from '../../environments/schema.ts';
import { given } from '../../servers/containers/placeholders.ts';
import { dev, inContainers, linesOf, settingsOf } from './docker.ts';

const { topology } = dev;

describe('Redis', () => {
  const cache = (replicas: number) =>
    inContainers(
      (stack, ground) =>
        new Redis(stack, 'cache', { ground, service: 'cache', role: 'cache', settings: settingsOf('redis', { replicas }), topology }),
    );

  test('minimal: one server, over TLS, with a password', () => {
    const { defined, manifest, template } = cache(0);
    expect(template.counts()).toMatchObject({ docker_container: 1, docker_volume: 1 });
    expect(linesOf(manifest, 'cache', 'redis.conf')).toEqual(
      expect.arrayContaining(['port 0', 'tls-port 6379', `requirepass ${given.password('cache')}`, 'maxmemory-policy allkeys-lru']),
    );
    expect(defined.binding()).toEqual({
      cache: {
        ...{ kind: 'redis', role: 'cache', endpoints: [{ purpose: 'primary', host: '127.0.0.1', port: 18_000 }] },
        tls: { caRef: { from: 'file', id: 'tls/ca.pem' } },
        auth: { mode: 'password', secretRef: { from: 'file', id: 'secrets/cache' } },
        limits: { maxMemoryMiB: 64 },
      },
    });
  });

  test('with replicas: each copies from the primary by its name, and clients may read from it', () => {
    const { defined, manifest, container } = cache(2);
    expect(linesOf(manifest, 'cache-replica-2', 'redis.conf')).toContain('replicaof cache 6379');
    expect(container('cache-replica-2').depends_on).toContainEqual(expect.stringMatching(/^docker_container\.cache_Primary_/));
    expect(defined.boundFor('network').endpoints).toEqual([
      { purpose: 'primary', host: 'cache', port: 6_379 },
      { purpose: 'reader', host: 'cache-replica-1', port: 6_379 },
      { purpose: 'reader', host: 'cache-replica-2', port: 6_379 },
    ]);
  });
});

describe('Redis Sentinel', () => {
  const define = (of = topology) =>
    inContainers(
      (stack, ground) =>
        new RedisSentinel(stack, 'events', {
          ...{ ground, service: 'events', role: 'events', settings: settingsOf('redis-sentinel'), topology: of },
        }),
    );
  const set = define();

  test('is a master, two replicas and three sentinels, at addresses that stay', () => {
    const addresses = ['events-1', 'events-2', 'events-3', 'events-sentinel-1', 'events-sentinel-2', 'events-sentinel-3'].map(
      (name) => set.container(name).networks_advanced[0]?.ipv4_address,
    );
    expect(addresses).toEqual([16, 17, 18, 19, 20, 21].map((last) => `10.78.0.${last}`));
    expect(linesOf(set.manifest, 'events-1', 'redis.conf').filter((line) => line.startsWith('replicaof'))).toEqual([]);
    expect(linesOf(set.manifest, 'events-2', 'redis.conf')).toContain('replicaof 10.78.0.16 6379');
    expect(linesOf(set.manifest, 'events-sentinel-2', 'sentinel.conf')).toEqual(
      expect.arrayContaining(['sentinel monitor events 10.78.0.16 6379 2', 'sentinel announce-ip 10.78.0.20']),
    );
  });

  test('keeps what a stream needs: nothing is evicted, and a master without replicas refuses writes', () => {
    const lines = linesOf(set.manifest, 'events-1', 'redis.conf');
    expect(lines).toEqual(
      expect.arrayContaining(['maxmemory-policy noeviction', 'appendonly yes', 'save 300 10', 'min-replicas-to-write 1']),
    );
  });

  test('a node asks the sentinels who is the master, and its environment holds no password', () => {
    const { env } = set.container('events-1');
    expect(env).toEqual([
      'MILLRACE_SENTINELS=10.78.0.19:26379 10.78.0.20:26379 10.78.0.21:26379',
      ...['MILLRACE_MASTER=events', 'MILLRACE_SELF=10.78.0.16:6379', 'MILLRACE_SENTINEL_SECRET=sentinel'],
      'MILLRACE_CA_FILE=/run/millrace/tls/ca.pem',
    ]);
    expect(set.manifest.containers['events-1']?.['secrets/sentinel']).toBe(given.password('events-sentinel'));
  });

  test('certificates are for the address too, because that is what sentinels tell clients in containers', () => {
    expect(set.manifest.certificates.environment?.['events-2']).toEqual(['events-2', 'localhost', '127.0.0.1', '10.78.0.17']);
  });

  test('programs of this machine are told what the sentinels call whom they reach elsewhere', () => {
    const { endpoints } = set.defined.boundFor('host');
    expect(endpoints[0]).toEqual({
      ...{ purpose: 'sentinel', host: '127.0.0.1', port: 18_103 },
      announced: { host: '10.78.0.19', port: 26_379 },
    });
    expect(set.defined.boundFor('network').endpoints[0]).toEqual({ purpose: 'sentinel', host: 'events-sentinel-1', port: 26_379 });
  });

  test('a change of users in the topology makes no other container', () => {
    const { aclUsers } = topology;
    const [name, user] = Object.entries(aclUsers)[0]!;
    const changed = define({ ...topology, aclUsers: { ...aclUsers, [name]: { ...user, topics: [] } } });
    const containers = (from: typeof set) => from.template.all('docker_container');
    expect(containers(changed)).toEqual(containers(set));
    expect(changed.manifest.containers['events-1']?.['users.acl']).not.toBe(set.manifest.containers['events-1']?.['users.acl']);
  });
});

describe('Kafka', () => {
  const log = (brokers: number) =>
    inContainers(
      (stack, ground) => new Kafka(stack, 'log', { ground, service: 'log', role: 'log', settings: settingsOf('kafka', { brokers }) }),
    );

  test('minimal: one broker that is its own controller, with a listener for this machine and one for containers', () => {
    const { defined, manifest } = log(1);
    expect(linesOf(manifest, 'log-1', 'server.properties')).toEqual(
      expect.arrayContaining([
        'controller.quorum.voters=1@log-1:9094',
        'advertised.listeners=CLIENTS://127.0.0.1:18200,PEERS://log-1:9093,NETWORK://log-1:9095',
        'listener.security.protocol.map=CLIENTS:SASL_SSL,PEERS:SSL,CONTROLLER:SSL,NETWORK:SASL_SSL',
      ]),
    );
    expect(defined.boundFor('host').endpoints).toEqual([{ purpose: 'bootstrap', host: '127.0.0.1', port: 18_200, authMode: 'scram' }]);
    expect(defined.boundFor('network').endpoints).toEqual([{ purpose: 'bootstrap', host: 'log-1', port: 9_095, authMode: 'scram' }]);
  });

  test('three brokers are one cluster of three controllers', () => {
    const { container, manifest } = log(3);
    const voters = 'controller.quorum.voters=1@log-1:9094,2@log-2:9094,3@log-3:9094';
    const names = ['log-1', 'log-2', 'log-3'];
    expect(names.map((name) => linesOf(manifest, name, 'server.properties').includes(voters))).toEqual([true, true, true]);
    expect(new Set(names.map((name) => container(name).env?.[0])).size).toBe(1);
    expect(container('log-1').env?.[0]).not.toBe(log(1).container('log-1').env?.[0]);
  });
});

describe('RabbitMQ', () => {
  const tasks = (nodes: 1 | 3) =>
    inContainers(
      (stack, ground) =>
        new RabbitMq(stack, 'tasks', { ground, service: 'tasks', role: 'tasks', settings: settingsOf('rabbitmq', { nodes }) }),
    );

  test('minimal: one node, whose user has the password of every start', () => {
    const { defined, manifest, container } = tasks(1);
    expect(container('tasks').env).toContain('RABBITMQ_NODENAME=rabbit@tasks');
    expect(JSON.parse(manifest.containers.tasks?.['definitions.json'] ?? '').users[0].password_hash).toBe(given.rabbitHash('tasks'));
    expect(defined.boundFor('host').endpoints.map(({ purpose, port }) => [purpose, port])).toEqual([
      ...[['primary', 18_300]],
      ...[['management', 18_301]],
      ...[['metrics', 18_302]],
    ]);
  });

  test('three nodes find each other by name, and share a cookie', () => {
    const { manifest } = tasks(3);
    const lines = linesOf(manifest, 'tasks-2', 'rabbitmq.conf');
    expect(lines).toEqual(
      expect.arrayContaining(['cluster_formation.classic_config.nodes.3 = rabbit@tasks-3', 'cluster_partition_handling = pause_minority']),
    );
    expect(new Set(['tasks-1', 'tasks-2', 'tasks-3'].map((name) => manifest.containers[name]?.['secrets/cookie']))).toEqual(
      new Set([given.password('tasks-cookie')]),
    );
  });
});

describe('OpenSearch', () => {
  const search = inContainers(
    (stack, ground) => new OpenSearch(stack, 'search', { ground, service: 'search', role: 'search', settings: settingsOf('opensearch') }),
  );

  test('has an authority of its own for what makes one a node', () => {
    expect(search.manifest.certificates).toEqual({
      environment: { search: ['search', 'localhost', '127.0.0.1'] },
      'search-nodes': { node: ['node'] },
    });
    expect(linesOf(search.manifest, 'search', 'config/opensearch.yml')).toEqual(
      expect.arrayContaining([
        'plugins.security.ssl.transport.pemtrustedcas_filepath: "/run/millrace/config/node/ca.pem"',
        'plugins.security.ssl.http.pemcert_filepath: "/run/millrace/config/tls/server.pem"',
      ]),
    );
  });

  test('has one user, whose password is in the file as a hash', () => {
    const users = search.manifest.containers.search?.['config/opensearch-security/internal_users.yml'] ?? '';
    expect(JSON.parse(users).admin.hash).toBe(given.bcrypt('search', 8));
  });
});

test('PostgreSQL lets nobody in without TLS and a password, and stops in good order', () => {
  const { container, manifest } = inContainers(
    (stack, ground) => new Postgres(stack, 'database', { ground, service: 'database', role: 'database', settings: settingsOf('postgres') }),
  );
  expect(linesOf(manifest, 'database', 'pg_hba.conf')).toEqual([
    'local all all scram-sha-256',
    'hostssl all all 0.0.0.0/0 scram-sha-256',
    'hostssl replication all 0.0.0.0/0 scram-sha-256',
  ]);
  expect(container('database')).toMatchObject({ stop_signal: 'SIGINT', env: expect.arrayContaining(['POSTGRES_DB=app']) });
});

test('Prometheus scrapes what has metrics, itself and the probe, and has the rules of what is there', () => {
  const { manifest } = inContainers((stack, ground) => {
    const tasks = new RabbitMq(stack, 'tasks', { ground, service: 'tasks', role: 'tasks', settings: settingsOf('rabbitmq') });
    new Prometheus(stack, 'metrics', {
      ...{ ground, service: 'metrics', role: 'metrics', settings: settingsOf('prometheus'), environment: dev },
      ...{ others: { tasks: tasks.boundFor('network') }, probeAddress: 'metrics-probe:9100' },
    });
  });
  const config = JSON.parse(linesOf(manifest, 'metrics', 'prometheus.yml').join('\n'));
  const targets = config.scrape_configs.map(({ static_configs }: { static_configs: [{ targets: string[] }] }) => static_configs[0].targets);
  expect(targets).toEqual([['metrics:9090'], ['tasks:15692'], ['metrics-probe:9100']]);
  const rules = linesOf(manifest, 'metrics', 'rules/millrace.yml').join('\n');
  expect(rules).toContain('rabbitmq-queue-depth');
  expect(rules).not.toContain('kafka-group-lag');
});

test('Alertmanager gets the secrets of receivers as files, which stand for what the declaration refers to', () => {
  const { alerts } = parseEnvironment({
    ...{ name: 'x', engine: { kind: 'docker' }, size: 'small' },
    alerts: { receivers: { critical: [{ kind: 'slack', webhook: { from: 'env', id: 'SLACK_URL' } }] } },
  });
  const { manifest } = inContainers(
    (stack, ground) =>
      new Alertmanager(stack, 'alerts', { ground, service: 'alerts', role: 'alerts', settings: settingsOf('alertmanager'), alerts }),
  );
  const files = Object.entries(manifest.containers.alerts ?? {}).filter(([path]) => path.startsWith('receivers/'));
  expect(files.map(([, text]) => text)).toEqual([given.declared({ from: 'env', id: 'SLACK_URL' })]);
  expect(linesOf(manifest, 'alerts', 'alertmanager.yml').join('\n')).toContain(`/run/millrace/${files[0]?.[0]}`);
});

test('in plain text nothing has a certificate, and passwords are asked for all the same', () => {
  const { defined, manifest } = inContainers(
    (stack, ground) => [
      new Redis(stack, 'cache', { ground, service: 'cache', role: 'cache', settings: settingsOf('redis'), topology }),
      new Kafka(stack, 'log', { ground, service: 'log', role: 'log', settings: settingsOf('kafka') }),
      new RabbitMq(stack, 'tasks', { ground, service: 'tasks', role: 'tasks', settings: settingsOf('rabbitmq') }),
      new Postgres(stack, 'database', { ground, service: 'database', role: 'database', settings: settingsOf('postgres') }),
    ],
    { tls: false },
  );
  expect(manifest.certificates).toEqual({});
  expect(JSON.stringify(manifest)).not.toMatch(/@@(certificate|key|authority):/);
  expect(defined.map((service) => service.boundFor('host').tls)).toEqual([undefined, undefined, undefined, undefined]);
  expect(linesOf(manifest, 'cache', 'redis.conf')).toEqual(expect.arrayContaining(['port 6379', `requirepass ${given.password('cache')}`]));
  expect(linesOf(manifest, 'tasks', 'rabbitmq.conf')).toContain('listeners.tcp.1 = 0.0.0.0:5672');
});
