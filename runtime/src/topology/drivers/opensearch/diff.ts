import { objectName } from '../../../contracts/object-names.ts';
import { allOf, differencesBetween, type Properties } from '../../differences.ts';
import type { Change, Comparison, Danger, PropertyDifference } from '../../driver.ts';
import { attachmentDifferences, attachmentsOf, isAttachment } from './attachments.ts';
import { dangerOfDeletion, dangerOfRemoval, dangerOfUpdate } from './danger.ts';
import type { Declaration } from './declared.ts';
import { type DeclaredObject, keyOf, kinds, type Live, type LiveObject } from './model.ts';
import { notesOn } from './notes.ts';
import { occupantOf, type Removal } from './removal.ts';
import { targetDifferences } from './target-differences.ts';

/** What is not as declared on one service. Pure. */
export function compare(service: string, { objects, notes }: Declaration, live: Live): Comparison {
  const taken = new Map(objects.flatMap((object) => occupant(object, live)));
  const changes = objects.flatMap((object) => {
    const occupant = taken.get(object.name);
    // A name is made free, and its template changed, in one go: the server takes neither alone.
    if (occupant !== undefined && object.kind === 'template') return [];
    if (occupant !== undefined && object.index !== undefined) return [replacement(service, object, occupant, live)];
    return changeOf(service, object, objects, live);
  });
  const occupants = new Set([...taken.values()].flatMap(({ object }) => (object === undefined ? [] : [keyOf(object)])));
  const undeclared = undeclaredIn(objects, live).filter((object) => !occupants.has(keyOf(object)));
  return {
    changes: [...changes, ...undeclared.map((object) => deletion(service, object, live))],
    notes: [...notes, ...notesOn(service, objects, live)],
  };
}

function occupant(object: DeclaredObject, live: Live): readonly (readonly [string, Removal])[] {
  const found = occupantOf(object, live);
  return found === undefined ? [] : [[object.name, found]];
}

function replacement(service: string, object: DeclaredObject, occupant: Removal, live: Live): Change {
  const wanted = object.kind === 'alias' ? 'alias' : 'data stream';
  return {
    name: objectName(service, object.kind, object.name),
    action: 'replace',
    differences: [{ property: 'made as', live: occupant.what, declared: wanted }],
    danger: dangerOfRemoval(occupant, live, 'that has the name'),
  };
}

function changeOf(service: string, object: DeclaredObject, all: readonly DeclaredObject[], live: Live): Change[] {
  const name = objectName(service, object.kind, object.name);
  const found = live.objects.get(keyOf(object));
  if (found === undefined) return [change(name, 'create', allOf(object.properties), dangerOfUpdate(object, all, live))];
  const differences = [
    ...differencesBetween(object.properties, comparedOf(object, found.properties)),
    ...targetDifferences(object, found, all, live),
    ...(object.kind === 'lifecycle' ? attachmentDifferences(attachmentsOf(object, all, live), object.name) : []),
  ];
  if (differences.length === 0) return [];
  const isConflict = found.changedByOthers && differences.some((difference) => isMarked(difference));
  return [change(name, isConflict ? 'conflict' : 'update', differences, dangerOfUpdate(object, all, live))];
}

function change(name: string, action: Change['action'], differences: readonly PropertyDifference[], danger: Danger | undefined): Change {
  return { name, action, differences, ...(danger && { danger }) };
}

/** Of repositories, data streams and aliases only what is declared counts: the server and others may set more. */
function comparedOf({ kind, properties }: DeclaredObject, live: Properties): Properties {
  if (kind !== 'repository' && kind !== 'data-stream' && kind !== 'alias') return live;
  return Object.fromEntries(Object.entries(live).filter(([name]) => name in properties));
}

/** Who has a role, and what indices follow, stand elsewhere than what Millrace has marked. */
function isMarked(difference: PropertyDifference): boolean {
  return !isAttachment(difference) && !['backend_roles', 'users', 'hosts', 'and_backend_roles'].includes(difference.property);
}

/** What Millrace made and the topology has no more, in an order in which it can be deleted. */
function undeclaredIn(objects: readonly DeclaredObject[], live: Live): readonly LiveObject[] {
  const declared = new Set(objects.map(keyOf));
  return [...live.objects.values()]
    .filter((object) => object.ours && !declared.has(keyOf(object)))
    .sort((one, other) => kinds.indexOf(other.kind) - kinds.indexOf(one.kind) || (one.name < other.name ? -1 : 1));
}

function deletion(service: string, object: LiveObject, live: Live): Change {
  const danger = dangerOfDeletion(object, live);
  const differences = differencesBetween({}, object.properties);
  return {
    name: objectName(service, object.kind, object.name),
    action: 'delete',
    undeclared: true,
    differences,
    ...(danger && { danger }),
  };
}
