import { objectName } from '../../../contracts/object-names.ts';
import { differencesBetween } from '../../differences.ts';
import type { Change } from '../../driver.ts';
import { putUnder } from './apply-lifecycle.ts';
import { createTarget, deleteTarget, updateTarget } from './apply-target.ts';
import { type Ask, conflict, explained, orNothing } from './ask.ts';
import { ownUnder } from './attachments.ts';
import { patternsOf } from './comparable.ts';
import type { Declaration } from './declared.ts';
import type { Body, DeclaredObject, Live, LiveObject } from './model.ts';
import { readOne } from './read.ts';
import { releasePatterns } from './release-patterns.ts';
import { occupantOf, removalOf } from './removal.ts';

/** What one comparison saw: changes are carried out against that. */
export interface Seen {
  readonly declaration: Declaration;
  readonly live: Live;
}

/**
 * Carries out one change.
 *
 * @throws {MillraceError} TOPOLOGY_CONFLICT when the object is not as it was seen; TOPOLOGY_REFUSED with the reason of the server.
 */
export async function applyChange(ask: Ask, service: string, change: Change, seen: Seen): Promise<void> {
  const isMeant = (object: Pick<DeclaredObject, 'kind' | 'name'>): boolean => objectName(service, object.kind, object.name) === change.name;
  const declared = seen.declaration.objects.find(isMeant);
  const found = [...seen.live.objects.values()].find(isMeant);
  try {
    if (change.action === 'delete') await remove(ask, found!, change.name, seen.live);
    else await write(ask, { ...seen, declared: declared!, found, change });
  } catch (error) {
    throw explained(error, change.name);
  }
}

interface Order extends Seen {
  readonly declared: DeclaredObject;
  readonly found: LiveObject | undefined;
  readonly change: Change;
}

async function write(ask: Ask, order: Order): Promise<void> {
  const { declared, found, change, live, declaration } = order;
  const { kind, name, body } = declared;
  const path = encodeURIComponent(name);
  switch (kind) {
    case 'repository':
      await ask('PUT', `/_snapshot/${path}`, body);
      return;
    case 'template':
      await expectUnchanged(ask, { kind, name }, found, change.name);
      await ask('PUT', `/_index_template/${path}`, body);
      return;
    case 'role':
      await expectUnchanged(ask, { kind, name }, found, change.name);
      await ask('PUT', `/_plugins/_security/api/roles/${path}`, body.role as Body);
      await ask('PUT', `/_plugins/_security/api/rolesmapping/${path}`, body.members as Body);
      return;
    case 'snapshots':
      await writePolicy(ask, order, '_sm', body);
      return;
    case 'lifecycle':
      await releasePatterns(ask, patternsOf(declared.properties), name);
      await writePolicy(ask, order, '_ism', { policy: body });
      await putUnder(ask, name, ownUnder(name, declaration.objects, live));
      return;
    default:
      await writeTarget(ask, order);
  }
}

async function writeTarget(ask: Ask, { declared, found, change, declaration, live }: Order): Promise<void> {
  if (change.action !== 'replace' && found !== undefined) return updateTarget(ask, declared, found, live);
  if (change.action === 'replace') {
    await deleteTarget(ask, occupantOf(declared, live)!, change.name);
    const template = declaration.objects.find(({ kind, name }) => kind === 'template' && name === declared.name);
    await ask('PUT', `/_index_template/${encodeURIComponent(declared.name)}`, template!.body);
  }
  return createTarget(ask, declared);
}

/** Both plugins write a policy only over the version that is named, and a new one only where there is none. */
async function writePolicy(ask: Ask, { declared, found, change }: Order, plugin: '_ism' | '_sm', body: Body): Promise<void> {
  const { kind, name } = declared as DeclaredObject & { kind: 'lifecycle' | 'snapshots' };
  const path = `/_plugins/${plugin}/policies/${encodeURIComponent(name)}`;
  const over = ({ version }: LiveObject) => ask('PUT', `${path}?if_seq_no=${version?.seqNo}&if_primary_term=${version?.primaryTerm}`, body);
  try {
    if (found === undefined) await ask(plugin === '_sm' ? 'POST' : 'PUT', path, body);
    else await over(found);
  } catch (error) {
    const now = await readOne(ask, kind, name);
    // It was done before, by a run that was ended in the middle or by one beside this.
    if (now !== undefined && isAs(declared.properties, now)) return;
    if (found === undefined || now === undefined || !isReleased(found, now)) throw explained(error, change.name);
    await over(now);
  }
}

/** Whether nothing is different but patterns that another lifecycle of this run has got. */
function isReleased(found: LiveObject, now: LiveObject): boolean {
  const [before, after] = [patternsOf(found.properties), patternsOf(now.properties)];
  const isOtherwiseSame = differencesBetween(found.properties, now.properties).every(({ property }) => property === 'ism_template');
  return isOtherwiseSame && after.length < before.length && after.every((pattern) => before.includes(pattern));
}

/** Templates and roles have no versions: look once more, right before they are overwritten. */
async function expectUnchanged(
  ask: Ask,
  { kind, name }: { readonly kind: 'template' | 'role'; readonly name: string },
  found: LiveObject | undefined,
  change: string,
): Promise<void> {
  const now = await readOne(ask, kind, name);
  if (now !== undefined && !isAs(found?.properties ?? {}, now)) throw conflict(change);
}

function isAs(properties: DeclaredObject['properties'], now: LiveObject): boolean {
  return differencesBetween(properties, now.properties).length === 0;
}

const paths: Readonly<Record<Exclude<LiveObject['kind'], 'data-stream' | 'alias'>, string>> = {
  repository: '/_snapshot',
  snapshots: '/_plugins/_sm/policies',
  lifecycle: '/_plugins/_ism/policies',
  template: '/_index_template',
  role: '/_plugins/_security/api/roles',
};

async function remove(ask: Ask, found: LiveObject, change: string, live: Live): Promise<void> {
  const { kind, name } = found;
  if (kind === 'data-stream' || kind === 'alias') return deleteTarget(ask, removalOf(found, live), change);
  const path = encodeURIComponent(name);
  // The server keeps them apart: a mapping without its role would wait for the next one of the name.
  if (kind === 'role') await orNothing(ask('DELETE', `/_plugins/_security/api/rolesmapping/${path}`));
  await orNothing(ask('DELETE', `${paths[kind]}/${path}`));
}
