import { type Directive, type RedisTls, renderDirectives, tlsDirectives } from '../redis/directives.ts';

export interface SentinelAddress {
  readonly host: string;
  readonly port: number;
}

/** Everything that sentinel.conf says. Sentinel writes into the file, so it lies in a folder of its own that the process may write to. */
export interface SentinelSettings {
  readonly bind: readonly string[];
  readonly port: number;
  readonly dir: string;
  /** Password of the sentinel itself; sentinels present it to each other. */
  readonly password: string;
  readonly master: SentinelAddress & {
    readonly name: string;
    /** @default the default user */
    readonly username?: string;
    readonly password: string;
  };
  /** Hosts are names, not addresses: resolve them, and tell clients of them, whose certificates they are in. @default false */
  readonly hostNames?: boolean;
  /** Sentinels that must agree that the master is down. @default 2 */
  readonly quorum?: number;
  /** @default 1000 */
  readonly downAfterMs?: number;
  /** @default 3000 */
  readonly failoverTimeoutMs?: number;
  /** Forty hexadecimal digits that stay the same over restarts. @default drawn by Sentinel */
  readonly id?: string;
  /** Replicas and other sentinels that are known from the start: Sentinel finds them by itself, but only within 2 to 10 s. */
  readonly known?: {
    readonly replicas: readonly SentinelAddress[];
    readonly sentinels: readonly (SentinelAddress & { readonly id: string })[];
  };
  /** Lines about elections that an earlier run of this sentinel wrote down. */
  readonly memory?: readonly string[];
  readonly announce?: SentinelAddress | undefined;
  readonly tls?: RedisTls | undefined;
  /** Further directives; one that stands here replaces the one of the same name above. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** sentinel.conf for `settings`. */
export function renderSentinelConf(settings: SentinelSettings): string {
  return renderDirectives(
    [...processDirectives(settings), ...tlsDirectives(settings.tls), ...masterDirectives(settings), ...knownDirectives(settings)],
    settings.settings,
  );
}

function processDirectives({ bind, port, dir, password, id, announce, hostNames = false }: SentinelSettings): Directive[] {
  return [
    ['bind', ...bind],
    ['port', port],
    ['protected-mode', true],
    ['daemonize', false],
    ['dir', dir],
    ['requirepass', password],
    ...(id === undefined ? [] : [['sentinel', 'myid', id] as const]),
    ...(hostNames
      ? ([
          ['sentinel', 'resolve-hostnames', true],
          ['sentinel', 'announce-hostnames', true],
        ] as const)
      : []),
    ...(announce === undefined
      ? []
      : ([
          ['sentinel', 'announce-ip', announce.host],
          ['sentinel', 'announce-port', announce.port],
        ] as const)),
  ];
}

function masterDirectives({ master, quorum = 2, downAfterMs = 1_000, failoverTimeoutMs = 3_000 }: SentinelSettings): Directive[] {
  const { name } = master;
  return [
    ['sentinel', 'monitor', name, master.host, master.port, quorum],
    ...(master.username === undefined ? [] : [['sentinel', 'auth-user', name, master.username] as const]),
    ['sentinel', 'auth-pass', name, master.password],
    ['sentinel', 'down-after-milliseconds', name, downAfterMs],
    ['sentinel', 'failover-timeout', name, failoverTimeoutMs],
    ['sentinel', 'parallel-syncs', name, 1],
  ];
}

function knownDirectives({ master: { name }, known, memory = [] }: SentinelSettings): Directive[] {
  return [
    ...memory.map((line): Directive => line.split(' ') as [string, ...string[]]),
    ...(known?.replicas ?? []).map(({ host, port }): Directive => ['sentinel', 'known-replica', name, host, port]),
    ...(known?.sentinels ?? []).map(({ host, port, id }): Directive => ['sentinel', 'known-sentinel', name, host, port, id]),
  ];
}

/** What a sentinel has written down about its set. */
export interface SentinelMemory {
  readonly master: SentinelAddress;
  /** Number of the election that made it the master; of several sentinels the highest is right. */
  readonly epoch: number;
  /** The lines to hand on to its next run. */
  readonly lines: readonly string[];
}

/** Reads what a sentinel has written into its sentinel.conf, or undefined when it watches no set of this name. */
export function readSentinelMemory(conf: string, name: string): SentinelMemory | undefined {
  const rows = conf.split('\n').map((line) => line.trim().split(/\s+/));
  const ofMaster = (directive: string) => rows.find((row) => row[0] === 'sentinel' && row[1] === directive && row[2] === name);
  const [host, port] = ofMaster('monitor')?.slice(3) ?? [];
  if (host === undefined || !/^\d+$/.test(port ?? '')) return undefined;
  const remembered = rows.filter((row) => row[0] === 'sentinel' && /^(config|leader|current)-epoch$/.test(row[1] ?? ''));
  return {
    master: { host, port: Number(port) },
    epoch: Number(ofMaster('config-epoch')?.[3] ?? 0),
    lines: remembered.map((row) => row.join(' ')),
  };
}
