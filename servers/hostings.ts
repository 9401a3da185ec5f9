import type { ServiceKind } from '../runtime/src/contracts/binding.ts';
import { alertmanagerHosting } from './alertmanager/service.ts';
import type { Software } from './find/index.ts';
import type { Hosting } from './hosting.ts';
import { kafkaHosting } from './kafka/service.ts';
import { openSearchHosting } from './opensearch/service.ts';
import { postgresHosting } from './postgres/service.ts';
import { prometheusHosting } from './prometheus/service.ts';
import { rabbitHosting } from './rabbitmq/service.ts';
import { redisHosting } from './redis/service.ts';
import { sentinelHosting } from './redis-sentinel/service.ts';

/** How the process engine hosts each kind. */
const hostings: { readonly [K in ServiceKind]: Hosting<K> } = {
  redis: redisHosting,
  'redis-sentinel': sentinelHosting,
  kafka: kafkaHosting,
  rabbitmq: rabbitHosting,
  opensearch: openSearchHosting,
  postgres: postgresHosting,
  prometheus: prometheusHosting,
  alertmanager: alertmanagerHosting,
};

/** How the process engine hosts `kind`. */
export function hostingOf(kind: ServiceKind): Hosting {
  return hostings[kind] as Hosting;
}

/** What all of them need on a machine. */
export const allSoftware: readonly Software[] = [...new Set(Object.values(hostings).flatMap(({ software }) => [...software]))];
