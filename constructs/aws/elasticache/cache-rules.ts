import { betweenRule } from '../../core/rules.ts';
import { quoted, type Rule, repeated } from '../../core/validate.ts';
import type { CacheUser } from './props.ts';

/** What the rules look at, of a replication group and of a serverless cache. */
export interface CacheWithUsers {
  readonly users: readonly CacheUser[];
  readonly userIds: readonly string[];
}

/** Characters that AWS admits in the name of a cache and the id of a user. */
export const longestId = 40;

/** Users of a group. @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/quota-limits.html */
const mostUsers = 100;

/** Days; a group keeps its snapshots as long as a serverless cache. */
export const snapshotRetentionRule = betweenRule('snapshotRetentionDays', 1, 35);

const tooLong = ({ userIds }: CacheWithUsers): string[] => userIds.filter((id) => id.length > longestId);
const misnamedUsers = ({ users }: CacheWithUsers): string[] =>
  users.map(({ name }) => name).filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || name === 'default');
const withoutState = ({ users }: CacheWithUsers): string[] =>
  users.filter(({ accessString }) => !/^(on|off)( |$)/.test(accessString)).map(({ name }) => name);
/** Words that say which commands are allowed; those of keys and channels begin otherwise. */
const commandWords = ({ accessString }: CacheUser): string[] =>
  accessString.split(/\s+/).filter((word) => /^([+-]|(all|no)commands$)/.test(word));
const withoutFirstCommands = ({ users }: CacheWithUsers): string[] =>
  users.filter((user) => !/^([+-]@all|(all|no)commands)$/.test(commandWords(user)[0] ?? '')).map(({ name }) => name);
/** `>` and `<` set and remove passwords, `#` and `!` their hashes, `nopass` accepts any. The words are shown without what follows, which may be a secret. */
const passwordRules = ({ users }: CacheWithUsers): string[] =>
  users.flatMap(({ name, accessString }) =>
    accessString
      .split(/\s+/)
      .filter((word) => /^[<>#!]|^(nopass|resetpass|reset)$/.test(word))
      .map((word) => `${name}: ${/^[<>#!]/.test(word) ? `${word[0]}...` : word}`),
  );

/** What the users of a cache must be. */
export const userRules: readonly Rule<CacheWithUsers>[] = [
  {
    condition: ({ users }) => users.length === 0,
    message: () => 'users must hold at least one, the one in the binding, got none',
  },
  {
    condition: ({ users }) => users.length > mostUsers,
    message: ({ users }) => `users must be at most ${mostUsers}, got ${users.length}`,
  },
  {
    condition: (cache) => misnamedUsers(cache).length > 0,
    message: (cache) =>
      `users must have names of lower-case letters, digits and hyphens other than default, got ${misnamedUsers(cache).map(quoted).join(', ')}`,
  },
  {
    condition: (cache) => repeated(cache.userIds).length > 0,
    message: (cache) => `users must have different names, got ${repeated(cache.userIds).join(', ')} twice`,
  },
  {
    condition: (cache) => tooLong(cache).length > 0,
    message: (cache) =>
      `user ids must have at most ${longestId} characters, got ${tooLong(cache).join(', ')}: shorten the name of the service or user`,
  },
  {
    condition: (cache) => withoutState(cache).length > 0,
    message: (cache) =>
      `accessString must begin with on or off, got neither for ${withoutState(cache).join(', ')}: AWS adds off, which shuts the user out`,
  },
  {
    condition: (cache) => withoutFirstCommands(cache).length > 0,
    message: (cache) =>
      `accessString must say -@all or +@all before any other command, got neither for ${withoutFirstCommands(cache).join(', ')}: ` +
      'AWS adds -@all, and every plan would differ from it',
  },
  {
    condition: (cache) => passwordRules(cache).length > 0,
    message: (cache) => `accessString must not set passwords, got ${passwordRules(cache).join(', ')}: users prove who they are through IAM`,
  },
];
