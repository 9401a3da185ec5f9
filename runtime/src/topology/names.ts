import { MillraceError } from '../contracts/errors.ts';
import { closestName } from '../contracts/problems.ts';
import type { Change } from './driver.ts';

/** Whether a change waits until its name is allowed: it costs something, nothing declares the object, or others have changed it. */
export function needsAllowing({ danger, undeclared, action }: Change): boolean {
  return danger !== undefined || undeclared === true || action === 'conflict';
}

/** Tells whether a name is one of the patterns; `*` stands for any text. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(literally).join('[^]*')}$`));
  return (name) => expressions.some((expression) => expression.test(name));
}

function literally(text: string): string {
  return text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&');
}

/** Of one service: what differs there, or undefined when it could not be read. */
export interface Differing {
  readonly service: string;
  readonly changes: readonly Change[] | undefined;
}

/**
 * Refuses names that allow nothing, before anything is changed. Those of a service that could not be read pass: it is told of anyway.
 *
 * @throws {MillraceError} TOPOLOGY_NAME_UNKNOWN with the names that can be allowed.
 */
export function requireAllowable(allow: readonly string[], found: readonly Differing[]): void {
  const all = found.flatMap(({ changes = [] }) => changes);
  const differing = new Set(all.map(({ name }) => name));
  const unread = found.flatMap(({ service, changes }) => (changes === undefined ? [`${service}/`] : []));
  const unknown = allow.filter((name) => !differing.has(name) && !unread.some((prefix) => name.startsWith(prefix)));
  if (unknown.length === 0) return;
  throw new MillraceError(
    'TOPOLOGY_NAME_UNKNOWN',
    sentenceOn(unknown, [...new Set(all.filter(needsAllowing).map(({ name }) => name))].sort()),
  );
}

function sentenceOn(unknown: readonly string[], allowable: readonly string[]): string {
  const close = closestName(unknown[0]!, [...allowable]);
  const hints = [
    ...(close === undefined ? [] : [`did you mean ${close}?`]),
    ...(unknown.some((name) => name.includes('*')) ? ['names are exact, a * stands for itself'] : []),
    allowable.length === 0 ? 'nothing waits to be allowed' : `what waits to be allowed is ${allowable.join(', ')}`,
  ];
  return `nothing that differs is named ${unknown.join(' or ')}, nothing was changed; ${hints.join('; ')}`;
}
