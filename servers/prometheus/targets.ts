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
 * Targets for every endpoint with the purpose `metrics`, and for the servers whose own port has them: Prometheus and Alertmanager.
 *
 * Authorities and passwords are copied into `dir`, one file each, where only the owner of this process reads them.
 */
export function writeTargets(dir: string, { services, read }: Bindings): Target[] {
  makePrivateFolder(dir);
  return Object.entries(services).flatMap(([name, service]) => {
    const endpoints = service.endpoints.filter(({ purpose }) => purpose === (answersMetrics(service) ? 'primary' : 'metrics'));
    if (endpoints.length === 0) return [];
    const { caRef } = service.tls ?? {};
    const { mode, username: user, secretRef } = service.auth;
    const open = endpoints.every(({ authMode = mode }) => authMode === 'none');
    const copy = (what: string, ref: { readonly id: string }) => {
      const path = join(dir, `${name}.${what}`);
      writePrivateFile(path, read(ref));
      return path;
    };
    return {
      ...{ name, kind: service.kind, addresses: endpoints.map(({ host, port }) => `${host}:${port}`) },
      caFile: caRef && copy('ca.pem', caRef),
      credentials: open || user === undefined || secretRef === undefined ? undefined : { user, passwordFile: copy('password', secretRef) },
    };
  });
}

function answersMetrics({ kind }: BoundService): boolean {
  return kind === 'prometheus' || kind === 'alertmanager';
}
