import type { Properties } from '../../differences.ts';
import type { Body } from './model.ts';

/** The same for what is declared and for what the server answers: without what the server adds of its own. */

/** Retry that Index State Management gives to actions that declare none. */
const defaultRetry = { count: 3, backoff: 'exponential', delay: '1m' };

/** What it writes into actions beyond what they declare; AWS's own actions included. */
const actionDefaults: Readonly<Record<string, Body>> = {
  rollover: { copy_alias: false, prevent_empty_rollover: false },
  allocation: { include: {}, exclude: {}, wait_for: false },
  cold_migration: { ignore: 'none' },
};

/** What a lifecycle is known by: its states by name, and for which indices it is. */
export function policyProperties(policy: Body): Properties {
  const states = (policy.states ?? []) as readonly Body[];
  return {
    default_state: policy.default_state,
    ...Object.fromEntries(states.map((state) => [`state ${String(state.name)}`, stateProperties(state)])),
    ism_template: templatesIn(policy.ism_template),
    ...(policy.error_notification != null && { error_notification: policy.error_notification }),
  };
}

interface State extends Body {
  readonly actions: readonly Body[];
}

/** The states in what `policyProperties` gives. */
export function statesOf(properties: Properties): readonly State[] {
  return Object.entries(properties).flatMap(([name, state]) => (name.startsWith('state ') ? [state as State] : []));
}

/** The names of indices, in what `policyProperties` gives, that the lifecycle takes up by itself. */
export function patternsOf({ ism_template }: Properties): readonly string[] {
  return ((ism_template ?? []) as readonly { readonly index_patterns?: readonly string[] }[]).flatMap(
    ({ index_patterns = [] }) => index_patterns,
  );
}

function stateProperties({ actions, transitions }: Body): State {
  return { actions: ((actions ?? []) as readonly Body[]).map(actionProperties), transitions: transitions ?? [] };
}

function actionProperties(action: Body): Body {
  return Object.fromEntries(
    Object.entries(action).flatMap(([name, content]) => {
      if (isSame(content, name === 'retry' ? defaultRetry : undefined)) return [];
      return [[name, isRecord(content) ? without(content, actionDefaults[name] ?? {}) : content]];
    }),
  );
}

/** One template is an object where it was written as one by older versions, otherwise a list. */
function templatesIn(templates: unknown): readonly Body[] {
  const all = Array.isArray(templates) ? (templates as Body[]) : templates == null ? [] : [templates as Body];
  return all.map(({ index_patterns, priority }) => ({ index_patterns, priority }));
}

/** What a policy of Snapshot Management is known by: the times of both its parts, and what it takes. */
export function snapshotPolicyProperties({ creation, deletion, snapshot_config, enabled, notification }: Body): Properties {
  return {
    creation: scheduleOf(creation),
    deletion: deletion == null ? undefined : { ...scheduleOf(deletion), condition: (deletion as Body).condition },
    snapshot_config,
    enabled: enabled ?? true,
    ...(notification != null && { notification }),
  };
}

function scheduleOf(part: unknown): Body | undefined {
  const cron = ((part as Body | undefined)?.schedule as { cron?: Body } | undefined)?.cron;
  return cron && { expression: cron.expression, timezone: cron.timezone };
}

/** What a repository is known by: its type and settings, these as texts, as the server answers them. */
export function repositoryProperties({ type, settings }: Body): Properties {
  return { type, ...texts(settings as Body | undefined) };
}

/** What an index template is known by, its settings by full names; without the mark. */
export function templateProperties(template: Body): Properties {
  const { settings, mappings, aliases } = (template.template ?? {}) as { settings?: Body; mappings?: Body; aliases?: Body };
  const { _meta: _mark, ...mapped } = mappings ?? {};
  return {
    index_patterns: template.index_patterns,
    priority: template.priority,
    data_stream: template.data_stream !== undefined,
    ...indexSettings(settings),
    ...(Object.keys(mapped).length > 0 && { mappings: mapped }),
    ...(aliases !== undefined && Object.keys(aliases).length > 0 && { aliases }),
    ...(Array.isArray(template.composed_of) && template.composed_of.length > 0 && { composed_of: template.composed_of }),
  };
}

/** Settings by full names; an interval in one way of writing it. */
function indexSettings(settings: Body | undefined): Readonly<Record<string, string>> {
  return normalSettings(Object.fromEntries(Object.entries(flat(settings ?? {})).map(([name, value]) => [prefixed(name), value])));
}

/** @param settings by full names */
export function normalSettings(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const interval = settings['index.refresh_interval'];
  return interval === undefined ? settings : { ...settings, 'index.refresh_interval': intervalText(millisecondsIn(interval) ?? interval) };
}

/** `1s`, `100ms`. */
export function intervalText(interval: number | string): string {
  if (typeof interval === 'string') return interval;
  return interval % 1_000 === 0 ? `${interval / 1_000}s` : `${interval}ms`;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function millisecondsIn(text: string): number | undefined {
  const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * unitMs[unit!]!;
}

/** What of a role is marked; who has it is another document, which has no room for a mark. */
export function roleProperties({ cluster_permissions, index_permissions, tenant_permissions }: Body): Properties {
  const permissions = ((index_permissions ?? []) as readonly Body[]).map((permission) =>
    without(permission, { fls: [], masked_fields: [] }),
  );
  return {
    cluster_permissions: cluster_permissions ?? [],
    index_permissions: permissions,
    ...(isSame(tenant_permissions ?? [], []) ? {} : { tenant_permissions }),
  };
}

/** Who has a role, in one order. */
export function roleMembers({ backend_roles, users, hosts, and_backend_roles }: Body): Properties {
  const further = without({ hosts, and_backend_roles }, { hosts: [], and_backend_roles: [] });
  return { backend_roles: sorted(backend_roles), users: sorted(users), ...further };
}

function sorted(names: unknown): readonly string[] {
  return [...((names ?? []) as readonly string[])].sort();
}

function without(content: Body, defaults: Body): Body {
  return Object.fromEntries(Object.entries(content).filter(([name, value]) => value != null && !isSame(value, defaults[name])));
}

function isSame(value: unknown, other: unknown): boolean {
  return other !== undefined && JSON.stringify(value) === JSON.stringify(other);
}

function isRecord(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function texts(values: Body = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

function prefixed(name: string): string {
  return name.startsWith('index.') ? name : `index.${name}`;
}

function flat(values: Body, path = ''): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      isRecord(value) ? Object.entries(flat(value, `${path}${name}.`)) : [[`${path}${name}`, String(value)]],
    ),
  );
}
