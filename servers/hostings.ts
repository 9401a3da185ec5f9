import type { ServiceKind } from '../runtime/src/contracts/binding.ts';
import type { Software } from './find/index.ts';
import type { Hosting } from './hosting.ts';
import { postgresHosting } from './postgres/service.ts';
import { redisHosting } from './redis/service.ts';
import { sentinelHosting } from './redis-sentinel/service.ts';

/** The kinds that the process engine can start; the others are named and left out. */
const hostings: { readonly [K in ServiceKind]?: Hosting<K> } = {
  redis: redisHosting,
  'redis-sentinel': sentinelHosting,
  postgres: postgresHosting,
};

/** How the process engine hosts `kind`, or undefined when it cannot yet. */
export function hostingOf(kind: ServiceKind): Hosting | undefined {
  return hostings[kind] as Hosting | undefined;
}

/** What all of them need on a machine. */
export const allSoftware: readonly Software[] = [...new Set(Object.values(hostings).flatMap(({ software }) => [...software]))];
