import type { LoadedBinding } from '../binding/index.ts';
import { MillraceError } from '../contracts/errors.ts';
import { type DrivenKind, declaredNames, matcherOf, objectKinds } from '../contracts/object-names.ts';
import { closestName } from '../contracts/problems.ts';
import type { Topology } from '../contracts/topology.ts';
import type { Change } from './driver.ts';

/** Whether a change waits until its name is allowed: it costs something, nothing declares the object, or others have changed it. */
export function needsAllowing({ danger, undeclared, action }: Change): boolean {
  return danger !== undefined || undeclared === true || action === 'conflict';
}

const form = /^([^/\s]+)\/[^/\s]+\/.+$/s;

/**
 * Refuses names that can allow nothing, before anything is looked at.
 *
 * @throws {MillraceError} TOPOLOGY_NAME_UNKNOWN when one is not of the form `SERVICE/KIND/NAME`, or its service is not bound or has no objects that are
 * looked after.
 */
export function requireAllowable(allow: readonly string[], { names, document }: Pick<LoadedBinding, 'names' | 'document'>): void {
  const driven = names.filter((name) => (document.services[name]!.kind as DrivenKind) in objectKinds);
  for (const name of allow) {
    const [, service] = form.exec(name) ?? [];
    if (service === undefined) {
      throw new MillraceError('TOPOLOGY_NAME_UNKNOWN', `${JSON.stringify(name)} is not of the form SERVICE/KIND/NAME, nothing was changed`);
    }
    if (driven.includes(service)) continue;
    const close = closestName(service, driven);
    const hint =
      close === undefined ? `services with topics, queues, users or indices are ${driven.join(', ') || 'none'}` : `did you mean ${close}?`;
    throw new MillraceError(
      'TOPOLOGY_NAME_UNKNOWN',
      `${name} is on no service of the binding that is looked after, nothing was changed; ${hint}`,
    );
  }
}

/** Of one service: what differs there, or undefined when it could not be read. */
export interface Differing {
  readonly service: string;
  readonly changes: readonly Change[] | undefined;
}

/**
 * Names in `allow` that nothing waits for: mostly because it was done before, as after a kill. Those of services that were not read may wait.
 */
export function idleAmong(allow: readonly string[], found: readonly Differing[]): string[] {
  const differing = new Set(found.flatMap(({ changes = [] }) => changes.map(({ name }) => name)));
  const read = found.flatMap(({ service, changes }) => (changes === undefined ? [] : [`${service}/`]));
  return [...new Set(allow)].filter((name) => !differing.has(name) && read.some((prefix) => name.startsWith(prefix)));
}

/** What to tell of a name that nothing waits for. @param waiting names that could be allowed */
export function idleSentence(name: string, waiting: readonly string[]): string {
  const close = closestName(name, [...waiting]);
  const hints = [
    ...(close === undefined ? [] : [`did you mean ${close}?`]),
    ...(name.includes('*') ? ['names are exact, a * stands for itself'] : []),
  ];
  return [`nothing waits for ${name}`, ...hints].join('; ');
}

/** Declared and left to others at once would mean: never made. @throws {MillraceError} BINDING_INVALID with the pattern and what it fits. */
export function requireManaged(topology: Topology): void {
  if (topology.unmanaged.length === 0) return;
  const names = declaredNames(topology);
  for (const pattern of topology.unmanaged) {
    const declared = names.find(matcherOf([pattern]));
    if (declared === undefined) continue;
    throw new MillraceError(
      'BINDING_INVALID',
      `unmanaged of the topology must fit nothing that is declared, got ${JSON.stringify(pattern)}, which fits ${declared}: it would not be made`,
    );
  }
}
