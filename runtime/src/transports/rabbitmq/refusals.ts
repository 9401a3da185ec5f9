import { MillraceError } from '../../contracts/errors.ts';
import { type MillraceEvent, plainTenant, plainTenantRule } from '../../contracts/event.ts';
import { longestTenantWord, tenantWord } from '../../contracts/rabbit-names.ts';
import type { Routed } from './topics.ts';

/** Why an event cannot be published, whatever the broker does; undefined when it can. */
export function refusalOf({ name, topic }: Routed, { id, data, tenantid }: MillraceEvent): MillraceError | undefined {
  const bytes = data?.byteLength ?? 0;
  if (bytes > topic.maxBytes) {
    return new MillraceError('EVENT_TOO_LARGE', `data of event ${id} must be at most ${topic.maxBytes} bytes, got ${bytes}`);
  }
  if (topic.isolation !== 'tenant') return undefined;
  if (tenantid === undefined) {
    return new MillraceError('TENANT_REQUIRED', `topic ${name} isolates tenants; event ${id} must carry tenantid, got none`);
  }
  const problem = tenantProblem(tenantid);
  return problem === undefined ? undefined : new MillraceError('EVENT_INVALID', `tenantid of event ${id} ${problem}`);
}

/** What is wrong with the id of a tenant that has queues of its own, for behind its name. */
export function tenantProblem(tenant: string): string | undefined {
  if (!plainTenant.test(tenant)) return `${plainTenantRule}, got ${JSON.stringify(tenant)}`;
  if (tenantWord(tenant) !== undefined) return undefined;
  return `must be at most ${longestTenantWord} characters on RabbitMQ, where each of . : @ + = ~ counts as three, got ${JSON.stringify(tenant)}`;
}
