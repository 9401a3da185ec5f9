import { places } from './places.ts';
import type { MachineSettings } from './settings.ts';

/** Sections of a unit file of systemd; a list repeats its directive. */
type Unit = Readonly<Record<string, Readonly<Record<string, string | number | readonly string[]>>>>;

const script = (name: string): string => `${places.library}/${name}.sh`;
const log = (name: string): Record<string, string> => ({
  StandardOutput: `append:${places.logs}/${name}.log`,
  StandardError: `append:${places.logs}/${name}.log`,
});

/** What is started with the machine. */
export const startedUnits: readonly string[] = [
  'millrace-redis.service',
  'millrace-redis-sentinel.service',
  'millrace-redis-certificate.timer',
  'millrace-redis-snapshot.timer',
  'millrace-redis-append-log.timer',
  'millrace-redis-metrics.timer',
  'millrace-redis-watch.timer',
];

/** Every unit file by name. */
export function renderUnits({ settings, backup }: MachineSettings): Record<string, string> {
  const units: Record<string, Unit> = {
    'millrace-redis-boot.service': boot,
    'millrace-redis.service': server('Redis', 'redis', `${places.runtime}/redis.conf`, settings.downAfterMs),
    'millrace-redis-sentinel.service': server('Redis Sentinel', 'sentinel', `${places.volume}/sentinel/sentinel.conf --sentinel`, 500, [
      'millrace-redis.service',
    ]),
    ...job('certificate', 'Certificate of this machine', `${script('certificate')} renew`, '*-*-* 03:00:00', {
      spread: '6h',
      limit: '10min',
    }),
    ...job('snapshot', 'Snapshot to S3', `${script('backup')} rdb`, everyHours(backup.snapshotEveryHours, '02', 10), { limit: '6h' }),
    ...job('append-log', 'Append-only file to S3', `${script('backup')} aof`, everyHours(backup.appendLogEveryHours, '00', 40), {
      limit: '6h',
    }),
    ...job('metrics', 'Figures of this machine', script('metrics'), '*-*-* *:*:00', { limit: '55s' }),
    ...job('watch', 'End of interrupted jobs', script('watch'), '*-*-* *:*:30', { limit: '5min' }),
  };
  return Object.fromEntries(Object.entries(units).map(([name, unit]) => [name, renderUnit(unit)]));
}

const boot: Unit = {
  Unit: { Description: 'Volume, secrets and certificate of Redis', Wants: 'network-online.target', After: 'network-online.target' },
  Service: { Type: 'oneshot', RemainAfterExit: 'yes', ExecStart: script('boot'), TimeoutStartSec: 'infinity', ...log('jobs') },
};

/** What a server of this machine can do without: everything but its own folders, its sockets and the writing of a log. */
const hardened = {
  NoNewPrivileges: 'yes',
  PrivateTmp: 'yes',
  PrivateDevices: 'yes',
  ProtectSystem: 'strict',
  ProtectHome: 'yes',
  ProtectKernelTunables: 'yes',
  ProtectKernelModules: 'yes',
  ProtectKernelLogs: 'yes',
  ProtectControlGroups: 'yes',
  ProtectClock: 'yes',
  ProtectHostname: 'yes',
  RestrictAddressFamilies: 'AF_INET AF_INET6 AF_UNIX',
  RestrictNamespaces: 'yes',
  RestrictRealtime: 'yes',
  RestrictSUIDSGID: 'yes',
  LockPersonality: 'yes',
  MemoryDenyWriteExecute: 'yes',
  CapabilityBoundingSet: '',
  SystemCallArchitectures: 'native',
  ReadWritePaths: `${places.volume} ${places.runtime}`,
};

/**
 * A server that is started again when it ends.
 *
 * Redis only after twice the time in which the sentinels notice: a master that is back sooner, loading its file for minutes, would count as alive and
 * keep every writer waiting, where another machine could have taken over.
 */
function server(title: string, name: string, args: string, downAfterMs: number, after: readonly string[] = []): Unit {
  return {
    Unit: {
      Description: title,
      Requires: 'millrace-redis-boot.service',
      After: ['millrace-redis-boot.service', ...after].join(' '),
      StartLimitIntervalSec: 0,
    },
    Service: {
      User: places.owner,
      Group: places.owner,
      ExecStartPre: `+${script(`prepare-${name}`)}`,
      ExecStart: `${places.library}/server ${args}`,
      Restart: 'always',
      RestartSec: Math.ceil((2 * downAfterMs) / 1_000),
      // A master first waits for replicas that lag, then writes its snapshot; the start waits for the other machines.
      TimeoutStopSec: 120,
      TimeoutStartSec: 300,
      LimitNOFILE: 65_536,
      OOMScoreAdjust: -900,
      ...log(name),
      ...hardened,
    },
    Install: { WantedBy: 'multi-user.target' },
  };
}

/** Over how long the machines spread it, and after how long it is given up, so that the next one can begin. */
interface JobTimes {
  readonly spread?: string;
  readonly limit: string;
}

function job(name: string, title: string, command: string, calendar: string, { spread = '0', limit }: JobTimes): Record<string, Unit> {
  const unit = `millrace-redis-${name}`;
  return {
    [`${unit}.service`]: {
      Unit: { Description: title, Requires: 'millrace-redis-boot.service', After: 'millrace-redis-boot.service' },
      Service: {
        Type: 'oneshot',
        ExecStart: command,
        TimeoutStartSec: limit,
        PrivateTmp: 'yes',
        ProtectHome: 'yes',
        ...log(name === 'metrics' ? name : 'jobs'),
      },
    },
    [`${unit}.timer`]: {
      Unit: { Description: title },
      // Not after a machine was off: it may have missed an hour that the others did not.
      Timer: { OnCalendar: `${calendar} UTC`, RandomizedDelaySec: spread, AccuracySec: '1s' },
      Install: { WantedBy: 'timers.target' },
    },
  };
}

/** At the same minute on every machine: together they find out which of them it is. */
function everyHours(hours: number, from: string, minute: number): string {
  const when = hours >= 24 ? from : hours === 1 ? '*' : `${from}/${hours}`;
  return `*-*-* ${when}:${String(minute).padStart(2, '0')}:00`;
}

function renderUnit(unit: Unit): string {
  const sections = Object.entries(unit).map(([section, directives]) => {
    const lines = Object.entries(directives).flatMap(([name, value]) => [value].flat().map((one) => `${name}=${one}`));
    return `[${section}]\n${lines.join('\n')}\n`;
  });
  return sections.join('\n');
}
