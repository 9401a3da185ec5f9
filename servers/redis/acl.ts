/** One user of a Redis server and what it may do. */
export interface AclUser {
  readonly name: string;
  /** SHA-256 of the password, hexadecimal: the file then holds nothing that opens a door. */
  readonly passwordHash: string;
  /** Rules after the password, as `~* +@read`. */
  readonly rules: readonly string[];
}

/** Commands and channels that services use; those that an administrator uses are left out. The same as with ElastiCache. */
export const serviceRules: readonly string[] = ['~*', '&*', '+@all', '-@admin', '-@dangerous', '+info', '+role'];

/**
 * What replicas and sentinels need, and no key.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/#acl-rules-for-sentinel-and-replicas
 */
export const replicationRules: readonly string[] = [
  ...['resetchannels', '&__sentinel__:hello', '-@all'],
  ...['+psync', '+replconf', '+ping'],
  ...['+multi', '+exec', '+slaveof', '+subscribe', '+publish', '+role', '+info', '+config|rewrite', '+client|setname', '+client|kill'],
  '+script|kill',
];

/**
 * Nobody is this user: it is off and has no password. It may do everything all the same, because a server loads its append-only file in its name and
 * leaves out, without an error, every transaction that it may not do; scripts and reads of consumer groups are written down as transactions too.
 *
 * @see https://github.com/redis/redis/issues/14541
 * @see https://github.com/valkey-io/valkey/issues/3983
 */
const loader = 'user default off resetpass ~* &* +@all';

/**
 * The text of an ACL file.
 *
 * @param administrator SHA-256 of a password that the default user has, where whoever administers the server comes in its name. @default nobody gets in
 * without a name
 */
export function renderAclFile(users: readonly AclUser[], administrator?: string): string {
  const everything = ['~*', '&*', '+@all'];
  const first = administrator === undefined ? loader : userLine({ name: 'default', passwordHash: administrator, rules: everything });
  return `${[first, ...users.map(userLine)].join('\n')}\n`;
}

function userLine({ name, passwordHash, rules }: AclUser): string {
  return ['user', name, 'on', `#${passwordHash}`, ...rules].join(' ');
}
