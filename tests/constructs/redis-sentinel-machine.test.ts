import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { machineFiles, renderUserData } from '../../constructs/aws/redis-sentinel/machine/index.ts';
import type { MachineSettings } from '../../constructs/aws/redis-sentinel/machine/settings.ts';
import { renderAclFile } from '../../servers/redis/acl.ts';
import { renderRedisConf } from '../../servers/redis/config.ts';
import { renderSentinelConf } from '../../servers/redis-sentinel/config.ts';

const arn = (name: string) => `arn:aws:secretsmanager:eu-central-1:123456789012:secret:millrace/production/events/${name}-AbCdEf`;
const hosts = [1, 2, 3].map((n) => `node-${n}.events.production.millrace.internal`);
const settings: MachineSettings = {
  ...{ environment: 'production', service: 'events', region: 'eu-central-1', masterName: 'events', node: 1 },
  nodes: hosts.map((host, index) => ({ name: `events-${index + 1}`, host })),
  ports: { redis: 6379, sentinel: 26379 },
  settings: { memoryMiB: 4_915, downAfterMs: 5_000, failoverTimeoutMs: 20_000, maxMemoryPolicy: 'noeviction' },
  secrets: {
    ...{ users: arn('users'), sentinel: arn('sentinel'), replication: arn('replication') },
    ...{ apply: arn('apply'), authority: arn('authority'), authorityKey: arn('authority-key') },
  },
  users: {
    secrets: '/millrace/production/events/user/',
    document: 's3://millrace-production-documents-123456789012-eu-central-1/redis-users/events.json',
  },
  backup: { bucket: 'millrace-production-events-backup', prefix: 'events', snapshotEveryHours: 24, appendLogEveryHours: 1, keepDays: 7 },
  ...{ logGroup: '/aws/vendedlogs/millrace/production/events', dataVolumeId: 'vol-0123456789abcdef0', software: 'amazon-linux' },
};
const files = machineFiles(settings);
const file = (path: string) => files.find((one) => one.path === path)?.content ?? '';
const directives = (path: string) => file(path).trimEnd().split('\n');
const unit = (name: string) => directives(`/etc/systemd/system/${name}`);

describe('the user data', () => {
  const text = renderUserData(settings);

  test('is a cloud-config that writes files and runs the first of them', () => {
    expect(text.startsWith('#cloud-config\nwrite_files:\n')).toBe(true);
    expect(text.trimEnd().split('\n').slice(-2)).toEqual(['runcmd:', '  - [/usr/local/lib/millrace-redis/first-boot.sh]']);
  });

  test('gives every file as it is: what stands in the text, without its indentation, is the file', () => {
    for (const { path, content, permissions } of files) {
      const written = content
        .trimEnd()
        .split('\n')
        .map((line) => (line === '' ? '' : `      ${line}`));
      expect(text).toContain([`  - path: ${path}`, `    permissions: '${permissions}'`, '    content: |', ...written, ''].join('\n'));
    }
  });

  test('holds nothing that a block of YAML takes for something else', () => {
    for (const { content } of files) expect(content).toMatch(/^\S/);
    const strange = [...text].filter((letter) => letter !== '\n' && (letter < ' ' || letter > '~'));
    expect(strange).toEqual([]);
  });

  test('fits into the 16 KB of EC2 when it is compressed', () => {
    expect(gzipSync(text).length).toBeLessThan(16_384 * 0.9);
  });

  test('names secrets and holds none: passwords and keys are blanks', () => {
    expect(text).toContain(arn('users'));
    expect(text).not.toMatch(/BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)/);
    const values = text.match(/(?:masterauth|requirepass|auth-pass events|masteruser|auth-user events) .*/g);
    expect(new Set(values)).toEqual(
      new Set([
        'masteruser @REPLICATION_USER@',
        'masterauth @REPLICATION_PASSWORD@',
        'requirepass @SENTINEL_PASSWORD@',
        'auth-user events @REPLICATION_USER@',
        'auth-pass events @REPLICATION_PASSWORD@',
      ]),
    );
  });

  test('keeps tokens of the plan as they are', () => {
    const token = `$\{TfToken[TOKEN.7]}`;
    const tokens = renderUserData({
      ...settings,
      dataVolumeId: token,
      secrets: { ...settings.secrets, users: token },
      backup: { ...settings.backup, bucket: token },
    });
    for (const name of ['DATA_VOLUME_ID', 'SECRET_USERS', 'BACKUP_BUCKET']) expect(tokens).toContain(`${name}='${token}'`);
  });

  test('asks for no package when the image has the software', () => {
    expect(renderUserData({ ...settings, software: 'image' })).toContain("SOFTWARE='image'");
  });
});

describe('what the machine is configured with', () => {
  const tls = {
    certFile: '/run/millrace-redis/tls/server.pem',
    keyFile: '/run/millrace-redis/tls/server.key',
    caFile: '/run/millrace-redis/tls/ca.pem',
  };

  test('redis.conf is what the renderer of local processes gives', () => {
    expect(file('/etc/millrace-redis/redis.conf')).toBe(
      renderRedisConf({
        ...{ bind: ['0.0.0.0'], port: 0, dir: '/var/lib/millrace-redis/redis', tls: { port: 6379, ...tls } },
        ...{ masterUser: '@REPLICATION_USER@', password: '@REPLICATION_PASSWORD@', aclFile: '/run/millrace-redis/users.acl' },
        ...{ maxMemoryMiB: 4_915, maxMemoryPolicy: 'noeviction', minReplicasToWrite: 1 },
        ...{ replicaOf: { host: '@MASTER_HOST@', port: 6379 }, announce: { host: hosts[1]!, port: 6379 } },
      }),
    );
    expect(directives('/etc/millrace-redis/redis.conf')).toEqual(
      expect.arrayContaining([
        ...['port 0', 'tls-port 6379', 'tls-replication yes', 'protected-mode yes', 'min-replicas-to-write 1'],
        ...['maxmemory-policy noeviction', 'save 300 10', 'appendonly yes', 'appendfsync everysec'],
        `replica-announce-ip ${hosts[1]}`,
      ]),
    );
    expect(file('/etc/millrace-redis/redis.conf')).not.toContain('requirepass');
  });

  test('sentinel.conf is what the renderer of local processes gives', () => {
    expect(file('/etc/millrace-redis/sentinel.conf')).toBe(
      renderSentinelConf({
        ...{ bind: ['0.0.0.0'], port: 0, dir: '/var/lib/millrace-redis/sentinel', tls: { port: 26379, ...tls } },
        ...{ password: '@SENTINEL_PASSWORD@', hostNames: true, quorum: 2, downAfterMs: 5_000, failoverTimeoutMs: 20_000, id: '@ID_1@' },
        master: {
          ...{ name: 'events', host: '@MASTER_HOST@', port: 6379 },
          ...{ username: '@REPLICATION_USER@', password: '@REPLICATION_PASSWORD@' },
        },
        known: {
          replicas: hosts.map((host) => ({ host, port: 6379 })),
          sentinels: [0, 2].map((index) => ({ host: hosts[index]!, port: 26379, id: `@ID_${index}@` })),
        },
        announce: { host: hosts[1]!, port: 26379 },
      }),
    );
    expect(directives('/etc/millrace-redis/sentinel.conf')).toEqual(
      expect.arrayContaining(['sentinel resolve-hostnames yes', 'sentinel announce-hostnames yes']),
    );
  });

  test('nobody without a name gets in; services may not administer; replication may read no key', () => {
    const [anyone, app, replication, apply] = directives('/etc/millrace-redis/users.acl');
    // Off, without a password; but what it may not do is lost when the append-only file is loaded.
    expect(anyone).toBe('user default off resetpass ~* &* +@all');
    expect(app).toBe('user @APP_USER@ on #@APP_HASH@ ~* &* +@all -@admin -@dangerous +info +role');
    expect(replication).toMatch(/^user @REPLICATION_USER@ on #@REPLICATION_HASH@ resetchannels &__sentinel__:hello -@all /);
    expect(replication).not.toContain('~');
    for (const command of ['+slaveof', '+replicaof', '+failover']) expect(replication!.split(' ')).toContain(command);
    expect(renderAclFile([])).toBe(`${anyone}\n`);
    expect(apply).toBe(
      'user @APPLY_USER@ on #@APPLY_HASH@ resetchannels -@all +ping +client|setname +command +config|get +acl|setuser +acl|deluser +acl|getuser +acl|users +acl|save',
    );
  });

  test('every blank is one that a script fills', () => {
    const scripts = files
      .filter(({ path }) => path.endsWith('.sh'))
      .map(({ content }) => content)
      .join('\n');
    for (const path of ['redis.conf', 'sentinel.conf', 'users.acl']) {
      for (const blank of file(`/etc/millrace-redis/${path}`).match(/(?<=@)[A-Z_]+(?=_?\d?@)/g) ?? [])
        expect(scripts).toContain(`"${blank}`);
    }
  });
});

describe('the units', () => {
  test('Redis and Sentinel run as their own user, may do little, and are started again', () => {
    for (const name of ['millrace-redis.service', 'millrace-redis-sentinel.service']) {
      expect(unit(name)).toEqual(
        expect.arrayContaining([
          ...['User=millrace-redis', 'NoNewPrivileges=yes', 'ProtectSystem=strict', 'ProtectHome=yes', 'CapabilityBoundingSet='],
          ...['LimitNOFILE=65536', 'Restart=always', 'Requires=millrace-redis-boot.service'],
          'ReadWritePaths=/var/lib/millrace-redis /run/millrace-redis',
        ]),
      );
    }
  });

  test('Redis comes back only when the sentinels have had the time to choose another master', () => {
    expect(unit('millrace-redis.service')).toContain('RestartSec=10');
  });

  test.each([
    ['snapshot', 'OnCalendar=*-*-* 02:10:00 UTC', 'ExecStart=/usr/local/lib/millrace-redis/backup.sh rdb'],
    ['append-log', 'OnCalendar=*-*-* *:40:00 UTC', 'ExecStart=/usr/local/lib/millrace-redis/backup.sh aof'],
    ['metrics', 'OnCalendar=*-*-* *:*:00 UTC', 'ExecStart=/usr/local/lib/millrace-redis/metrics.sh'],
    ['watch', 'OnCalendar=*-*-* *:*:30 UTC', 'ExecStart=/usr/local/lib/millrace-redis/watch.sh'],
    ['certificate', 'OnCalendar=*-*-* 03:00:00 UTC', 'ExecStart=/usr/local/lib/millrace-redis/certificate.sh renew'],
  ])('%s has its time and its command', (name, calendar, command) => {
    expect(unit(`millrace-redis-${name}.timer`)).toContain(calendar);
    expect(unit(`millrace-redis-${name}.service`)).toContain(command);
  });

  test('jobs end some time, so that the next one can begin; the start of the machine waits for what it needs', () => {
    const jobs = files.filter(({ path }) => path.endsWith('.timer')).map(({ path }) => path.replace(/.*\/(.*)timer$/, '$1service'));
    expect(jobs.length).toBeGreaterThan(3);
    for (const name of jobs) expect(unit(name).join('\n')).toMatch(/^TimeoutStartSec=\d+(s|min|h)$/m);
    expect(unit('millrace-redis-boot.service')).toContain('TimeoutStartSec=infinity');
  });

  test('every 6 hours is said as systemd says it', () => {
    const often = machineFiles({ ...settings, backup: { ...settings.backup, snapshotEveryHours: 6, appendLogEveryHours: 2 } });
    const calendar = (name: string) => often.find(({ path }) => path.endsWith(`${name}.timer`))?.content;
    expect(calendar('snapshot')).toContain('OnCalendar=*-*-* 02/6:10:00 UTC');
    expect(calendar('append-log')).toContain('OnCalendar=*-*-* 00/2:40:00 UTC');
  });
});

describe('the scripts', () => {
  const scripts = files.filter(({ permissions }) => permissions === '0755');

  test.each(scripts.map(({ path, content }) => [path, content]))(
    '%s is one that bash reads, and stops at the first failure',
    (_, content) => {
      execFileSync('bash', ['-n'], { input: content });
      expect(content).toMatch(/set -euo pipefail|source \/usr\/local\/lib\/millrace-redis\/library\.sh|^# .*\n# Sourced; sets/m);
    },
  );
});
