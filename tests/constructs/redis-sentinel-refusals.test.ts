import type { RedisSentinelProps } from '../../constructs/aws/redis-sentinel/props.ts';
import { define, network } from './redis-sentinel.ts';

const backup = { snapshotEveryHours: 24, appendLogEveryHours: 1, keepDays: 7 };
const refusals: readonly (readonly [what: string, props: Partial<RedisSentinelProps>, problem: string])[] = [
  ['the name is none of DNS', { service: 'event_bus' }, 'service must be at most 32 lower-case letters, digits and hyphens'],
  ['the name is too long', { service: 'a'.repeat(33) }, `got "${'a'.repeat(33)}"`],
  ['it is a cache', { role: 'cache' }, 'role must be one of events, jobs, got "cache"'],
  [
    'a user has the name of one of the set',
    { users: ['emails', 'apply', 'Audit'] },
    'users must have names of lower-case letters, digits and hyphens other than app, apply, default, replication, got "apply", "Audit"',
  ],
  ['events may be evicted', { overrides: { maxMemoryPolicy: 'allkeys-lru' } }, 'maxMemoryPolicy must be noeviction, got "allkeys-lru"'],
  ['there are two subnets', { network: { ...network, privateSubnetIds: ['subnet-a', 'subnet-b'] } }, 'with a private subnet each'],
  ['a subnet is named twice', { network: { ...network, privateSubnetIds: ['subnet-a', 'subnet-b', 'subnet-b'] } }, 'got 2'],
  ['the instance type is of ElastiCache', { overrides: { instanceType: 'cache.m7g.large' } }, 'instanceType must be of the form m7g.large'],
  [
    'the instance type is of a family that no table knows',
    { overrides: { instanceType: 'm4.large', memoryMiB: 999_999, diskGiB: 5_000 } },
    'instanceType must be one whose memory is known, of t3 and newer, m5 and newer, r5 and newer, c5 and newer, x2gd or x8g, and no metal, got "m4.large"',
  ],
  ['the instance type is none', { overrides: { instanceType: 'large' } }, 'instanceType must be of the form m7g.large, got "large"'],
  ['the image is none', { overrides: { imageId: 'latest' } }, 'imageId must be of the form ami-0123456789abcdef0, got "latest"'],
  [
    'Redis gets nearly the whole machine',
    { overrides: { memoryMiB: 1_537 } },
    'memoryMiB must be a whole number of at most 1536, three quarters of a t4g.small, got 1537',
  ],
  [
    'a smaller machine keeps the memory of the size',
    { overrides: { instanceType: 't4g.micro' } },
    'at most 768, three quarters of a t4g.micro, got 1228',
  ],
  ['memory is a fraction', { overrides: { memoryMiB: 0.5 } }, 'memoryMiB must be a whole number'],
  ['the disk has no room to rewrite', { overrides: { diskGiB: 4 } }, 'diskGiB must be at least 5, four times memoryMiB, got 4'],
  [
    'a fail-over may take longer than a minute',
    { overrides: { downAfterMs: 20_000, failoverTimeoutMs: 41_000 } },
    'downAfterMs and failoverTimeoutMs together must be at most 60000',
  ],
  ['a short silence is a failure', { overrides: { downAfterMs: 500 } }, 'downAfterMs must be at least 1000, got 500'],
  [
    'an attempt is given up too early',
    { overrides: { failoverTimeoutMs: 4_000 } },
    'failoverTimeoutMs must be at least downAfterMs, which is 5000, got 4000',
  ],
  ['a port is taken by the system', { ports: { redis: 443, sentinel: 26_379 } }, 'ports must be two different ones between 1024 and 65535'],
  ['both listen on one port', { ports: { redis: 6_379, sentinel: 6_379 } }, 'got 6379 and 6379'],
  [
    'backups are made never',
    { backup: { ...backup, appendLogEveryHours: 0 } },
    'backup must be of whole numbers of at least 1, got 24, 0, 7',
  ],
  [
    'backups have gaps',
    { backup: { ...backup, snapshotEveryHours: 200 } },
    'backup.snapshotEveryHours must be at most the 168 hours of backup.keepDays, got 200',
  ],
  [
    'a protected environment has no daily snapshot',
    { backup: { ...backup, snapshotEveryHours: 48 } },
    'backup.snapshotEveryHours must be at most 24 where the environment protects against deletion, got 48',
  ],
  [
    'a protected environment may lose two hours',
    { backup: { ...backup, appendLogEveryHours: 2 } },
    'backup.appendLogEveryHours must be 1 where the environment protects against deletion, got 2',
  ],
  [
    'a protected environment keeps too little',
    { backup: { ...backup, keepDays: 6 } },
    'backup.keepDays must be at least 7 where the environment protects against deletion, got 6',
  ],
];

test.each(refusals)('fails if %s', (_what, props, problem) => {
  expect(() => define(props)).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }));
});

test.each([
  ['there are two zones', ['a', 'b']],
  ['a zone is named twice', ['a', 'b', 'b']],
])('fails if %s', (_what, letters) => {
  const problem = 'must have three zones with a private subnet each, so that two sentinels still agree when one fails, got 2';
  expect(() => define({}, { zones: letters.map((letter) => `eu-central-1${letter}`) })).toThrow(problem);
});

test('all problems are named at once', () => {
  expect(() => define({ role: 'cache', overrides: { diskGiB: 1, maxMemoryPolicy: 'allkeys-lru' } })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^redis-sentinel events has 3 problems:\n/) }),
  );
});

test('where deletion is not protected backups may be rarer', () => {
  const rare = { snapshotEveryHours: 48, appendLogEveryHours: 6, keepDays: 3 };
  expect(() => define({ backup: rare }, { deletionProtection: false })).not.toThrow();
});
