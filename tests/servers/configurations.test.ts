import { type PostgresSettings, renderPgHba, renderPostgresqlConf } from '../../servers/postgres/config.ts';
import { type RedisSettings, renderRedisConf } from '../../servers/redis/config.ts';
import { readSentinelMemory, renderSentinelConf, type SentinelSettings } from '../../servers/redis-sentinel/config.ts';

const lines = (text: string) => text.trimEnd().split('\n');

const tls = { port: 6380, certFile: '/tls/server.crt', keyFile: '/tls/server.key', caFile: '/tls/ca.crt' };

describe('redis.conf', () => {
  const minimal: RedisSettings = {
    ...{ bind: ['127.0.0.1'], port: 6379, dir: '/data', password: 'p4ss' },
    ...{ maxMemoryMiB: 64, maxMemoryPolicy: 'noeviction' },
  };

  test('minimal: streams that are never evicted, kept in an append-only file and in snapshots', () => {
    expect(lines(renderRedisConf(minimal))).toEqual([
      'bind 127.0.0.1',
      'port 6379',
      'protected-mode yes',
      'tcp-backlog 511',
      'tcp-keepalive 60',
      'daemonize no',
      'dir /data',
      'loglevel notice',
      'requirepass p4ss',
      'masterauth p4ss',
      'maxmemory 64mb',
      'maxmemory-policy noeviction',
      'save 300 10',
      'appendonly yes',
      'appendfsync everysec',
      'repl-diskless-sync yes',
      'repl-diskless-sync-delay 0',
      'repl-backlog-size 16mb',
      'min-replicas-to-write 0',
      'min-replicas-max-lag 10',
    ]);
  });

  test('a cache evicts and keeps nothing on disk', () => {
    const cache = lines(renderRedisConf({ ...minimal, maxMemoryPolicy: 'allkeys-lru' }));
    expect(cache).toEqual(expect.arrayContaining(['maxmemory-policy allkeys-lru', 'save ""', 'appendonly no']));
    expect(cache.join()).not.toContain('appendfsync');
  });

  test('everything set', () => {
    const conf = lines(
      renderRedisConf({
        ...minimal,
        ...{ port: 0, bind: ['127.0.0.1', '10.0.0.5'], tls, aclFile: '/etc/redis/users.acl' },
        ...{ replicaOf: { host: '10.0.0.4', port: 6380 }, announce: { host: '10.0.0.5', port: 6380 } },
        ...{ minReplicasToWrite: 1, minReplicasMaxLagSeconds: 1 },
        settings: { 'repl-backlog-size': '64mb', save: '', 'lazyfree-lazy-user-del': 'yes' },
      }),
    );
    expect(conf).toEqual(
      expect.arrayContaining([
        'bind 127.0.0.1 10.0.0.5',
        'port 0',
        'tls-port 6380',
        'tls-cert-file /tls/server.crt',
        'tls-key-file /tls/server.key',
        'tls-ca-cert-file /tls/ca.crt',
        'tls-auth-clients no',
        'tls-replication yes',
        'aclfile /etc/redis/users.acl',
        'replicaof 10.0.0.4 6380',
        'replica-announce-ip 10.0.0.5',
        'replica-announce-port 6380',
        'min-replicas-to-write 1',
        'min-replicas-max-lag 1',
        'lazyfree-lazy-user-del yes',
      ]),
    );
  });

  test('a further directive replaces the one of the same name instead of standing beside it', () => {
    const conf = lines(renderRedisConf({ ...minimal, settings: { save: '', 'repl-backlog-size': '64mb' } }));
    expect(conf.filter((line) => line.startsWith('save '))).toEqual(['save ""']);
    expect(conf.filter((line) => line.startsWith('repl-backlog-size '))).toEqual(['repl-backlog-size 64mb']);
  });

  test('a value with blanks and quotes stays one value', () => {
    expect(lines(renderRedisConf({ ...minimal, dir: '/my data', password: 'a "b" \\c' }))).toEqual(
      expect.arrayContaining(['dir "/my data"', 'requirepass "a \\"b\\" \\\\c"']),
    );
  });
});

describe('sentinel.conf', () => {
  const minimal: SentinelSettings = {
    ...{ bind: ['127.0.0.1'], port: 26379, dir: '/data', password: 'sentinel-p4ss' },
    master: { name: 'events', host: '127.0.0.1', port: 6379, password: 'p4ss' },
  };

  test('minimal: a silent master is replaced after a second, when two agree', () => {
    expect(lines(renderSentinelConf(minimal))).toEqual([
      'bind 127.0.0.1',
      'port 26379',
      'protected-mode yes',
      'daemonize no',
      'dir /data',
      'requirepass sentinel-p4ss',
      'sentinel monitor events 127.0.0.1 6379 2',
      'sentinel auth-pass events p4ss',
      'sentinel down-after-milliseconds events 1000',
      'sentinel failover-timeout events 3000',
      'sentinel parallel-syncs events 1',
    ]);
  });

  test('everything set', () => {
    const id = 'a'.repeat(40);
    const conf = renderSentinelConf({
      ...minimal,
      ...{ quorum: 3, downAfterMs: 5_000, failoverTimeoutMs: 10_000, id, tls, announce: { host: '10.0.0.5', port: 26_379 } },
      known: { replicas: [{ host: '10.0.0.6', port: 6379 }], sentinels: [{ host: '10.0.0.7', port: 26_379, id: 'b'.repeat(40) }] },
      memory: ['sentinel config-epoch events 4'],
      settings: { loglevel: 'verbose' },
    });
    expect(lines(conf)).toEqual(
      expect.arrayContaining([
        `sentinel myid ${id}`,
        'sentinel announce-ip 10.0.0.5',
        'sentinel announce-port 26379',
        'tls-port 6380',
        'sentinel monitor events 127.0.0.1 6379 3',
        'sentinel down-after-milliseconds events 5000',
        'sentinel failover-timeout events 10000',
        'sentinel config-epoch events 4',
        'sentinel known-replica events 10.0.0.6 6379',
        `sentinel known-sentinel events 10.0.0.7 26379 ${'b'.repeat(40)}`,
        'loglevel verbose',
      ]),
    );
  });

  test('what a sentinel wrote down is read back: the elected master, and the elections', () => {
    const written = [
      'sentinel monitor other 127.0.0.1 9999 2',
      'sentinel monitor events 127.0.0.1 6381 2',
      'sentinel config-epoch events 7',
      'sentinel leader-epoch events 7',
      'sentinel known-replica events 127.0.0.1 6379',
      'sentinel current-epoch 8',
    ].join('\n');
    expect(readSentinelMemory(written, 'events')).toEqual({
      master: { host: '127.0.0.1', port: 6381 },
      epoch: 7,
      lines: ['sentinel config-epoch events 7', 'sentinel leader-epoch events 7', 'sentinel current-epoch 8'],
    });
    expect(readSentinelMemory(written, 'unheard-of')).toBeUndefined();
  });
});

describe('postgresql.conf and pg_hba.conf', () => {
  const minimal: PostgresSettings = { listen: ['127.0.0.1'], port: 5432, maxConnections: 100, memoryMiB: 128 };

  test('minimal', () => {
    expect(lines(renderPostgresqlConf(minimal))).toEqual([
      "listen_addresses = '127.0.0.1'",
      "port = '5432'",
      "unix_socket_directories = ''",
      "max_connections = '100'",
      "shared_buffers = '128MB'",
      "password_encryption = 'scram-sha-256'",
      "wal_level = 'replica'",
      "max_prepared_transactions = '0'",
      "tcp_keepalives_idle = '60'",
      "tcp_keepalives_interval = '10'",
      "tcp_keepalives_count = '3'",
      "timezone = 'UTC'",
      "log_timezone = 'UTC'",
      "lc_messages = 'C'",
    ]);
    expect(lines(renderPgHba(minimal))).toEqual([
      'local all all scram-sha-256',
      'host all all 127.0.0.1/32 scram-sha-256',
      'host replication all 127.0.0.1/32 scram-sha-256',
    ]);
  });

  test('everything set', () => {
    const settings: PostgresSettings = {
      ...minimal,
      ...{ socketDir: '/run/pg', walLevel: 'logical', maxPreparedTransactions: 20, clients: ['10.0.0.0/8'], tls },
      settings: { fsync: 'off', shared_buffers: '1GB', search_path: "'my schema', public" },
    };
    const conf = lines(renderPostgresqlConf(settings));
    expect(conf).toEqual(
      expect.arrayContaining([
        "unix_socket_directories = '/run/pg'",
        "wal_level = 'logical'",
        "max_prepared_transactions = '20'",
        "ssl = 'on'",
        "ssl_cert_file = '/tls/server.crt'",
        "ssl_ca_file = '/tls/ca.crt'",
        "fsync = 'off'",
        "search_path = '''my schema'', public'",
      ]),
    );
    expect(conf.filter((line) => line.startsWith('shared_buffers'))).toEqual(["shared_buffers = '1GB'"]);
    expect(lines(renderPgHba(settings))).toContain('hostssl all all 10.0.0.0/8 scram-sha-256');
  });
});
