import { type Directive, type RedisTls, renderDirectives, tlsDirectives } from './directives.ts';

/** Everything that redis.conf says, whoever hosts the server. Only directives that Redis 7.0 and Valkey 7.2 both know. */
export interface RedisSettings {
  /** Addresses to listen on. */
  readonly bind: readonly string[];
  /** Port without TLS; 0 closes it. */
  readonly port: number;
  /** Folder of the process's own files. */
  readonly dir: string;
  readonly password: string;
  /** User of the ACL file who has `password`, for replicas; the default user then gets none here. @default the default user */
  readonly masterUser?: string;
  readonly maxMemoryMiB: number;
  /** `noeviction` keeps every stream and its groups; a policy that evicts makes the server a cache, which is not persisted either. */
  readonly maxMemoryPolicy: string;
  /** @default none: a master */
  readonly replicaOf?: { readonly host: string; readonly port: number } | undefined;
  /** How others reach this server, where that differs from the address it listens on. */
  readonly announce?: { readonly host: string; readonly port: number } | undefined;
  /** Refuse writes with fewer replicas in touch: narrows what a split brain can lose, does not close it. @default 0 */
  readonly minReplicasToWrite?: number;
  /** @default 10 */
  readonly minReplicasMaxLagSeconds?: number;
  /** File of ACL users, applied on top of the password of the default user. */
  readonly aclFile?: string;
  readonly tls?: RedisTls | undefined;
  /** Further directives; one that stands here replaces the one of the same name above. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** redis.conf for `settings`. */
export function renderRedisConf(settings: RedisSettings): string {
  return renderDirectives(
    [
      ...networkDirectives(settings),
      ...authDirectives(settings),
      ...memoryDirectives(settings),
      ...replicationDirectives(settings),
      ...tlsDirectives(settings.tls),
    ],
    settings.settings,
  );
}

function networkDirectives({ bind, port, dir }: RedisSettings): Directive[] {
  return [
    ['bind', ...bind],
    ['port', port],
    ['protected-mode', true],
    ['tcp-backlog', 511],
    ['tcp-keepalive', 60],
    ['daemonize', false],
    ['dir', dir],
    ['loglevel', 'notice'],
  ];
}

/** Every server of a set may become its master, so each demands and presents the same password. */
function authDirectives({ password, masterUser, aclFile }: RedisSettings): Directive[] {
  return [
    masterUser === undefined ? ['requirepass', password] : ['masteruser', masterUser],
    ['masterauth', password],
    ...(aclFile === undefined ? [] : [['aclfile', aclFile] as const]),
  ];
}

function memoryDirectives({ maxMemoryMiB, maxMemoryPolicy }: RedisSettings): Directive[] {
  const memory: Directive[] = [
    ['maxmemory', `${maxMemoryMiB}mb`],
    ['maxmemory-policy', maxMemoryPolicy],
  ];
  return [...memory, ...(maxMemoryPolicy === 'noeviction' ? persistent : volatile)];
}

/** The append-only file loses at most a second; the snapshot is what backups take. */
const persistent: readonly Directive[] = [
  ['save', 300, 10],
  ['appendonly', true],
  ['appendfsync', 'everysec'],
];

/** A cache starts empty. */
const volatile: readonly Directive[] = [
  ['save', ''],
  ['appendonly', false],
];

function replicationDirectives(settings: RedisSettings): Directive[] {
  const { replicaOf, announce, minReplicasToWrite = 0, minReplicasMaxLagSeconds = 10 } = settings;
  return [
    ['repl-diskless-sync', true],
    // The default waits 5 s for further replicas before it begins.
    ['repl-diskless-sync-delay', 0],
    // Enough to catch up after a short break without a full copy: 1 MB, the default, is a second of a busy stream.
    ['repl-backlog-size', '16mb'],
    ['min-replicas-to-write', minReplicasToWrite],
    ['min-replicas-max-lag', minReplicasMaxLagSeconds],
    ...(replicaOf === undefined ? [] : [['replicaof', replicaOf.host, replicaOf.port] as const]),
    ...(announce === undefined
      ? []
      : ([
          ['replica-announce-ip', announce.host],
          ['replica-announce-port', announce.port],
        ] as const)),
  ];
}
