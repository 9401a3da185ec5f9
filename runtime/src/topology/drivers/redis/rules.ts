/** A command of a server, as `COMMAND` lists it; subcommands by their full names, `xgroup|create`. */
export interface ServerCommand {
  readonly name: string;
  readonly categories: readonly string[];
  readonly subcommands: readonly ServerCommand[];
}

/** One set of rights: commands together with the keys and channels that they may touch. */
export interface Rights {
  /** In the server's words, or the declaration's. */
  readonly commands: readonly string[];
  readonly keys: readonly string[];
  readonly channels: readonly string[];
}

/** Rights of a user: the main ones first, then those in parentheses. */
export type UserRights = readonly [Rights, ...Rights[]];

/** Rules of `ACL SETUSER` sorted into rights. */
export function rightsOf(rules: readonly string[]): UserRights {
  const own = rules.filter((rule) => !rule.startsWith('('));
  const selectors = rules.filter((rule) => rule.startsWith('(')).map((rule) => rule.slice(1, -1).split(' '));
  return [rightsOfWords(own), ...selectors.map(rightsOfWords)];
}

function rightsOfWords(words: readonly string[]): Rights {
  return {
    commands: words.filter((word) => /^[+-]/.test(word)),
    keys: words.filter((word) => /^[~%]/.test(word)).map(plainPattern),
    channels: words.filter((word) => word.startsWith('&')),
  };
}

/** `%RW~` is what `~` means. */
export function plainPattern(pattern: string): string {
  return pattern.replace(/^%(RW|WR)~/, '~');
}

/**
 * Comparable: two users with the same text may do the same.
 *
 * Redis 7.0 does not keep the words of a rule: it tells the commands that came of them, in categories as it sees fit. So words are carried out here as the
 * server does it, down to the single commands.
 */
export function canonicalRights({ commands, keys, channels }: Rights, all: readonly ServerCommand[]): string {
  return JSON.stringify([[...allowedBy(commands, all)].sort(), [...new Set(keys)].sort(), [...new Set(channels)].sort()]);
}

/** The single commands that rules allow, carried out one after the other. */
export function allowedBy(words: readonly string[], all: readonly ServerCommand[]): Set<string> {
  const allowed = new Set<string>();
  for (const word of words) {
    for (const name of meantBy(word, all)) {
      if (word.startsWith('+')) allowed.add(name);
      else allowed.delete(name);
    }
  }
  return allowed;
}

/** The commands that one rule is about. */
export function meantBy(word: string, all: readonly ServerCommand[]): string[] {
  const what = word.slice(1).toLowerCase();
  return what.startsWith('@') ? ofCategory(what, all) : named(what, all);
}

function ofCategory(category: string, commands: readonly ServerCommand[]): string[] {
  return commands.flatMap((command) =>
    category === '@all' || command.categories.includes(category) ? withSubcommands(command) : ofCategory(category, command.subcommands),
  );
}

/** A command that the server does not list, such as one of a module, stands for itself. */
function named(name: string, all: readonly ServerCommand[]): string[] {
  const command = all.find((candidate) => candidate.name === name);
  return command === undefined ? [name] : withSubcommands(command);
}

function withSubcommands({ name, subcommands }: ServerCommand): string[] {
  return [name, ...subcommands.map((subcommand) => subcommand.name)];
}
