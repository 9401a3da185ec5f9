import type { PropertyDifference } from '../../driver.ts';
import { allowedBy, canonicalRights, meantBy, type Rights, type ServerCommand, type UserRights } from './rules.ts';

/** By what the rules mean: under `live` what the user has and should not, under `declared` what it lacks, in the words and the order of each side. */
export function rightsDifferences(wanted: UserRights, live: UserRights, commands: readonly ServerCommand[]): PropertyDifference[] {
  const [main, ...further] = wanted;
  const [liveMain, ...liveFurther] = live;
  return [...partsDiffering(main, liveMain, commands, ''), ...selectorDifferences(further, liveFurther, commands)];
}

function partsDiffering(wanted: Rights, live: Rights, commands: readonly ServerCommand[], of: string): PropertyDifference[] {
  return [
    ...difference(`${of}commands`, granting(live, wanted, commands).sort(), granting(wanted, live, commands)),
    ...difference(`${of}keys`, without(live.keys, wanted.keys).sort(), without(wanted.keys, live.keys)),
    ...difference(`${of}channels`, without(live.channels, wanted.channels).sort(), without(wanted.channels, live.channels)),
  ];
}

/** The rules by which the one allows what the other does not. */
function granting(one: Rights, other: Rights, commands: readonly ServerCommand[]): string[] {
  const otherAllows = allowedBy(other.commands, commands);
  const more = new Set([...allowedBy(one.commands, commands)].filter((name) => !otherAllows.has(name)));
  return one.commands.filter((word) => word.startsWith('+') && meantBy(word, commands).some((name) => more.has(name)));
}

/** Further rights have no names: where one alone differs its parts are compared, otherwise they are shown whole. */
function selectorDifferences(wanted: readonly Rights[], live: readonly Rights[], commands: readonly ServerCommand[]): PropertyDifference[] {
  const lacking = unmatched(wanted, live, commands);
  const excess = unmatched(live, wanted, commands);
  if (lacking.length === 1 && excess.length === 1) return partsDiffering(lacking[0]!, excess[0]!, commands, 'selector ');
  return difference('selectors', excess.map(sorted).map(textOf).sort(), lacking.map(textOf));
}

function unmatched(some: readonly Rights[], others: readonly Rights[], commands: readonly ServerCommand[]): Rights[] {
  const left = others.map((rights) => canonicalRights(rights, commands));
  return some.filter((rights) => {
    const index = left.indexOf(canonicalRights(rights, commands));
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

function difference(property: string, live: readonly string[], declared: readonly string[]): PropertyDifference[] {
  if (live.length === 0 && declared.length === 0) return [];
  return [{ property, live: live.join(' ') || undefined, declared: declared.join(' ') || undefined }];
}

function without(some: readonly string[], others: readonly string[]): string[] {
  return [...new Set(some)].filter((word) => !others.includes(word));
}

/** Servers keep commands in an order of their own, after the `-@all` that each begins with; what takes one away counts after what gives it. */
function sorted({ commands: words, keys, channels }: Rights): Rights {
  const commands = words[0] === '-@all' ? words.slice(1) : words;
  const bySign = [...commands.filter((word) => word.startsWith('+')).sort(), ...commands.filter((word) => word.startsWith('-')).sort()];
  return { commands: bySign, keys: [...keys].sort(), channels: [...channels].sort() };
}

function textOf({ commands, keys, channels }: Rights): string {
  return `(${[...commands, ...keys, ...channels].join(' ')})`;
}
