import { createHash } from 'node:crypto';
import { hashPassword, type RabbitSettings, renderDefinitions, renderRabbitConf } from '../../servers/rabbitmq/config.ts';
import { serverEnvironment } from '../../servers/rabbitmq/environment.ts';

const lines = (settings: RabbitSettings) => renderRabbitConf(settings).trimEnd().split('\n');

const minimal: RabbitSettings = {
  ...{ host: '127.0.0.1', port: 5672, managementPort: 15672, metricsPort: 15692 },
  ...{ memoryMiB: 256, definitionsFile: '/node/definitions.json', nodeNames: ['tasks@localhost'] },
};
const tls = { caFile: '/node/ca.pem', certFile: '/node/server.pem', keyFile: '/node/server.key' };

test('minimal: one node that listens in plain text on one address, with bounds for memory and disk', () => {
  expect(lines(minimal)).toEqual([
    'listeners.tcp.1 = 127.0.0.1:5672',
    'listeners.ssl = none',
    'management.tcp.ip = 127.0.0.1',
    'management.tcp.port = 15672',
    'prometheus.tcp.ip = 127.0.0.1',
    'prometheus.tcp.port = 15692',
    'vm_memory_high_watermark.absolute = 256MiB',
    'disk_free_limit.absolute = 64MiB',
    'load_definitions = /node/definitions.json',
  ]);
});

test('everything set: three nodes, TLS on every port and nothing else, a line of its own and one replaced', () => {
  const nodeNames = ['tasks-1@localhost', 'tasks-2@localhost', 'tasks-3@localhost'];
  expect(lines({ ...minimal, nodeNames, tls, settings: { 'disk_free_limit.absolute': '1GiB', heartbeat: '5' } })).toEqual([
    'listeners.ssl.1 = 127.0.0.1:5672',
    'listeners.tcp = none',
    'ssl_options.cacertfile = /node/ca.pem',
    'ssl_options.certfile = /node/server.pem',
    'ssl_options.keyfile = /node/server.key',
    'ssl_options.verify = verify_none',
    'ssl_options.fail_if_no_peer_cert = false',
    'management.ssl.ip = 127.0.0.1',
    'management.ssl.port = 15672',
    'management.ssl.cacertfile = /node/ca.pem',
    'management.ssl.certfile = /node/server.pem',
    'management.ssl.keyfile = /node/server.key',
    'prometheus.ssl.ip = 127.0.0.1',
    'prometheus.ssl.port = 15692',
    'prometheus.ssl.cacertfile = /node/ca.pem',
    'prometheus.ssl.certfile = /node/server.pem',
    'prometheus.ssl.keyfile = /node/server.key',
    'vm_memory_high_watermark.absolute = 256MiB',
    'disk_free_limit.absolute = 1GiB',
    'load_definitions = /node/definitions.json',
    'cluster_formation.peer_discovery_backend = classic_config',
    'cluster_formation.classic_config.nodes.1 = tasks-1@localhost',
    'cluster_formation.classic_config.nodes.2 = tasks-2@localhost',
    'cluster_formation.classic_config.nodes.3 = tasks-3@localhost',
    'cluster_partition_handling = pause_minority',
    'heartbeat = 5',
  ]);
});

test('the definitions name one administrator, by a salted hash of the password and not by the password', () => {
  const text = renderDefinitions({ user: 'admin', passwordHash: hashPassword('p4ss') });
  expect(text).not.toContain('p4ss');
  const { users, vhosts, permissions } = JSON.parse(text) as {
    users: { name: string; password_hash: string }[];
    vhosts: object;
    permissions: object;
  };
  expect(users.map(({ name }) => name)).toEqual(['admin']);
  const [salt, digest] = [(hash: Buffer) => hash.subarray(0, 4), (hash: Buffer) => hash.subarray(4)].map((part) =>
    part(Buffer.from(users[0]!.password_hash, 'base64')),
  );
  expect(createHash('sha256').update(salt!).update('p4ss').digest()).toEqual(digest);
  expect(vhosts).toEqual([{ name: '/' }]);
  expect(permissions).toEqual([{ user: 'admin', vhost: '/', configure: '.*', write: '.*', read: '.*' }]);
});

test('every path in the environment of a node leads into its folder, and no epmd is started by it', () => {
  const node = { dir: '/node', nodeName: 'tasks@localhost', distributionPort: 25672, epmdPort: 4400, erlang: '/erlang/bin' };
  const { PATH, ...environment } = serverEnvironment(node);
  expect(PATH?.split(':')[0]).toBe('/erlang/bin');
  const paths = Object.entries(environment).filter(([, value]) => value.startsWith('/'));
  expect(paths.filter(([, path]) => !path.startsWith('/node'))).toEqual([]);
  expect(paths.length).toBeGreaterThanOrEqual(10);
  expect(environment.ERL_ZFLAGS).toContain('-start_epmd false');
});
