import type { Properties } from '../../differences.ts';
import {
  policyProperties,
  repositoryProperties,
  roleMembers,
  roleProperties,
  snapshotPolicyProperties,
  templateProperties,
} from './comparable.ts';
import { deleteDaysOf } from './lifecycle.ts';
import { markFor, markIn } from './marks.ts';
import type { Body, LiveObject, Version } from './model.ts';

/** What the server answers about objects, in the form in which they are compared. */

export function repositoriesIn(answer: unknown): LiveObject[] {
  const repositories = (answer ?? {}) as Readonly<Record<string, Body>>;
  // It has no room for a mark, and registering one takes nothing from others: what is undeclared is not told of.
  return Object.entries(repositories).map(([name, repository]) => ({
    ...{ kind: 'repository', name, properties: repositoryProperties(repository) },
    ...{ ours: false, changedByOthers: false },
  }));
}

interface Listed {
  readonly policies?: readonly {
    readonly _id: string;
    readonly _seq_no: number;
    readonly _primary_term: number;
    readonly policy?: Body;
    readonly sm_policy?: Body;
  }[];
}

export function policiesIn(answer: unknown): LiveObject[] {
  return (
    ((answer ?? {}) as Listed).policies?.flatMap(({ _id, policy, ...version }) => (policy ? [policyOf(_id, policy, version)] : [])) ?? []
  );
}

function policyOf(name: string, policy: Body, version: StoredVersion): LiveObject {
  const properties = policyProperties(policy);
  const marked = marking(markIn(policy.description), properties);
  return { kind: 'lifecycle', name, properties, ...marked, version: versionOf(version, policy), deleteDays: deleteDaysOf(policy) };
}

export function snapshotPoliciesIn(answer: unknown): LiveObject[] {
  return (
    ((answer ?? {}) as Listed).policies?.flatMap(({ _id, sm_policy, ...version }) =>
      sm_policy ? [snapshotPolicyOf(_id, sm_policy, version)] : [],
    ) ?? []
  );
}

/** What it is stored under has an ending that keeps it apart from lifecycles. */
const storedEnding = /-sm-policy$/;

function snapshotPolicyOf(id: string, policy: Body, version: StoredVersion): LiveObject {
  const properties = snapshotPolicyProperties(policy);
  const condition = (policy.deletion as { condition?: { max_age?: string } } | undefined)?.condition;
  const [, keepDays] = /^(\d+)d$/.exec(condition?.max_age ?? '') ?? [];
  return {
    ...{ kind: 'snapshots', name: typeof policy.name === 'string' ? policy.name : id.replace(storedEnding, ''), properties },
    ...marking(markIn(policy.description), properties),
    version: versionOf(version, policy),
    deleteDays: keepDays === undefined ? undefined : Number(keepDays),
  };
}

interface StoredVersion {
  readonly _seq_no: number;
  readonly _primary_term: number;
}

function versionOf({ _seq_no, _primary_term }: StoredVersion, { last_updated_time }: Body): Version {
  return { seqNo: _seq_no, primaryTerm: _primary_term, updatedAt: Number(last_updated_time ?? 0) };
}

export function templatesIn(answer: unknown): LiveObject[] {
  const { index_templates = [] } = (answer ?? {}) as { index_templates?: readonly { name: string; index_template: Body }[] };
  return index_templates.map(({ name, index_template }) => {
    const properties = templateProperties(index_template);
    const { millrace } = (index_template._meta ?? {}) as { millrace?: { mark?: string } };
    return { kind: 'template', name, properties, ...marking(millrace?.mark, properties) };
  });
}

export function rolesIn(roles: unknown, mappings: unknown): LiveObject[] {
  const members = (mappings ?? {}) as Readonly<Record<string, Body>>;
  return Object.entries((roles ?? {}) as Readonly<Record<string, Body>>).flatMap(([name, role]) => {
    if (role.static === true || role.reserved === true || role.hidden === true) return [];
    const properties = roleProperties(role);
    const marked = marking(markIn(role.description), properties);
    const { backend_roles, users, hosts, and_backend_roles } = members[name] ?? {};
    const all = { ...properties, ...roleMembers({ backend_roles, users, hosts, and_backend_roles }) };
    return [{ kind: 'role' as const, name, properties: all, ...marked }];
  });
}

function marking(mark: string | undefined, properties: Properties): Pick<LiveObject, 'ours' | 'changedByOthers'> {
  return { ours: mark !== undefined, changedByOthers: mark !== markFor(properties) };
}
