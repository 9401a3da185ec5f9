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

/** The text of an ACL file; nobody gets in without a name. */
export function renderAclFile(users: readonly AclUser[]): string {
  const lines = users.map(({ name, passwordHash, rules }) => ['user', name, 'on', `#${passwordHash}`, ...rules].join(' '));
  return `${['user default off -@all', ...lines].join('\n')}\n`;
}
