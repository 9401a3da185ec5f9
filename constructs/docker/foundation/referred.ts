import { basename } from 'node:path';
import type { BoundService, SecretRef } from '../../../runtime/src/contracts/binding.ts';
import { environmentAuthority } from '../../../servers/containers/authorities.ts';
import type { Files } from '../../../servers/containers/manifest.ts';
import { given } from '../../../servers/containers/placeholders.ts';

/** Stands for the text of a file that a binding of the environment refers to: a password, or the authority. */
export function referredText({ id }: { readonly id: string }): string {
  return id.startsWith('secrets/') ? given.password(basename(id)) : given.authority(environmentAuthority);
}

/** Every file that a program needs which is given the bindings of these services. */
export function referredFiles(services: Readonly<Record<string, BoundService>>): Files {
  const refs = Object.values(services).flatMap(({ tls, auth, users = {} }) => [
    tls?.caRef,
    ...[auth, ...Object.values(users)].flatMap(({ secretRef, sentinelSecretRef }) => [secretRef, sentinelSecretRef]),
  ]);
  const known = refs.filter((ref): ref is SecretRef => ref !== undefined);
  return Object.fromEntries(known.map((ref) => [ref.id, referredText(ref)]));
}
