import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { Target } from './config.ts';

/** Bindings of services by name, and the texts that they refer to. */
export interface Bindings {
  readonly services: Readonly<Record<string, BoundService>>;
  read(ref: { readonly id: string }): string;
}

/**
 * Targets of a local process.
 *
 * Authorities and passwords are copied into `dir`, one file each, where only the owner of this process reads them; those of services that are gone go away.
 */
export function writeTargets(dir: string, { services, read }: Bindings): Target[] {
  makePrivateFolder(dir);
  const copied = new Set<string>();
  const targets = targetsOf(services, (file, ref) => {
    copied.add(file);
    writePrivateFile(join(dir, file), read(ref));
    return join(dir, file);
  });
  for (const file of readdirSync(dir)) if (!copied.has(file)) rmSync(join(dir, file));
  return targets;
}

/**
 * Targets for every endpoint with the purpose `metrics`, and for the servers whose own port has them: Prometheus and Alertmanager.
 *
 * @param copy where the text behind a reference lies for Prometheus, under a name that is its own.
 */
export function targetsOf(services: Bindings['services'], copy: (file: string, ref: { readonly id: string }) => string): Target[] {
  return Object.entries(services).flatMap(([name, service]) => {
    const endpoints = service.endpoints.filter(({ purpose }) => purpose === (answersMetrics(service) ? 'primary' : 'metrics'));
    if (endpoints.length === 0) return [];
    const { caRef } = service.tls ?? {};
    const { mode, username: user, secretRef } = service.auth;
    const open = endpoints.every(({ authMode = mode }) => authMode === 'none');
    return {
      ...{ name, kind: service.kind, addresses: endpoints.map(({ host, port }) => `${host}:${port}`) },
      caFile: caRef && copy(`${name}.ca.pem`, caRef),
      credentials:
        open || user === undefined || secretRef === undefined ? undefined : { user, passwordFile: copy(`${name}.password`, secretRef) },
    };
  });
}

function answersMetrics({ kind }: BoundService): boolean {
  return kind === 'prometheus' || kind === 'alertmanager';
}
