import { objectName } from '../../../contracts/object-names.ts';
import type { Note } from '../../driver.ts';
import type { LiveNode, LiveUser } from './read.ts';
import { canonicalRights, rightsOf, type ServerCommand } from './rules.ts';
import type { DiffContext } from './steps.ts';

type Service = DiffContext['service'];

/** The server's append-only file is loaded in its name, so it may do everything even where it is off. */
const everything = rightsOf(['~*', '&*', '+@all']);

/**
 * What is wrong with `default`, who is there on every server and whom nobody declares: whoever administers a server comes in its name, with one password, or
 * it is off.
 */
export function defaultUserNotes({ name, service }: Service, node: LiveNode & { readonly address: string }): Note[] {
  const logins = [service.auth, ...(service.administration?.auth === undefined ? [] : [service.administration.auth])];
  const live = node.users.find(({ username }) => username === 'default');
  if (live === undefined || logins.some(({ mode }) => mode === 'none')) return [];
  const isUsed = logins.some(({ username = 'default' }) => username === 'default');
  return troublesOf(live, isUsed, node.commands).map((trouble) => ({
    level: 'problem',
    name: objectName(name, 'user', 'default'),
    sentence: `${trouble} on ${node.address}`,
  }));
}

function troublesOf(live: LiveUser, isUsed: boolean, commands: readonly ServerCommand[]): string[] {
  return [...loginTroubles(live, isUsed), ...(hasEverything(live, commands) ? [] : [narrowed])];
}

const narrowed =
  'may not do everything, so the server leaves out parts of its append-only file when it loads it; run ACL SETUSER default ~* &* +@all';

function loginTroubles({ enabled, withoutPassword, passwordHashes }: LiveUser, isUsed: boolean): string[] {
  const wayOut = isUsed ? 'ACL SETUSER default resetpass with the password of the binding' : 'ACL SETUSER default off resetpass';
  if (enabled && withoutPassword) return [`lets in whoever connects, without a password; run ${wayOut}`];
  if (enabled && !isUsed) return [`is on, and nobody should come in its name; run ${wayOut}`];
  if (isUsed && !enabled) return ['is off for those who connect anew, and the binding comes in its name; run ACL SETUSER default on'];
  return enabled && passwordHashes.length > 1 ? [`has ${passwordHashes.length} passwords, one is in the binding; run ${wayOut}`] : [];
}

function hasEverything({ rights }: LiveUser, commands: readonly ServerCommand[]): boolean {
  return canonicalRights(rights[0], commands) === canonicalRights(everything[0], commands);
}
