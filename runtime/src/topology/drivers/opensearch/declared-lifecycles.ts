import { lifecyclesOn, repositoriesOn } from '../../../contracts/declared-objects.ts';
import { objectName } from '../../../contracts/object-names.ts';
import type { Topology } from '../../../contracts/topology.ts';
import type { Note } from '../../driver.ts';
import { policyProperties } from './comparable.ts';
import { deleteDaysOf, policyOf } from './lifecycle.ts';
import { timestampField } from './lifecycle-aws.ts';
import { describe, markFor } from './marks.ts';
import type { DeclareContext, DeclaredObject } from './model.ts';
import { namesIn } from './names.ts';
import type { Tiers } from './phases.ts';

type Indices = Topology['indices'];

/** One policy of Index State Management for each lifecycle that an index of the service is under. */
export function declareLifecycles(context: DeclareContext, indices: Indices): { objects: DeclaredObject[]; notes: Note[] } {
  const { service, topology, capabilities, bound } = context;
  const known = lifecyclesOn(topology, service);
  if (!capabilities.indexManagement) return { objects: [], notes: known.map((name) => withoutPlugin(service, name)) };
  const tiers = bound.administration?.tiers ?? 'none';
  return {
    objects: known.map((name) => policyFor(name, context, under(name, indices))),
    notes: tiers === 'ultrawarm-and-cold' ? known.flatMap((name) => withoutTimestamp(service, name, under(name, indices))) : [],
  };
}

function under(lifecycle: string, indices: Indices): Indices {
  return Object.fromEntries(Object.entries(indices).filter(([, index]) => index.lifecycle === lifecycle));
}

function policyFor(name: string, { service, topology, bound }: DeclareContext, indices: Indices): DeclaredObject {
  const tiers: Tiers = bound.administration?.tiers ?? 'none';
  const isAws = tiers.startsWith('ultrawarm') || bound.auth.mode === 'iam';
  const replicas = Math.min(...Object.values(indices).map((index) => index.replicas));
  // What matches is the name of a data stream, not those of its backing indices.
  const patterns = Object.entries(indices).map(([each, index]) => namesIn(each, index).pattern);
  const [repository] = repositoriesOn(topology, service);
  const plan = { lifecycle: topology.lifecycles[name]!, tiers, repository, replicas };
  const policy = policyOf(plan, isAws ? 'aws' : 'self-hosted', patterns);
  const properties = policyProperties(policy);
  const body = { ...policy, description: describe('Declared in the topology', markFor(properties)) };
  return { kind: 'lifecycle', name, properties, body, deleteDays: deleteDaysOf(policy) };
}

function withoutPlugin(service: string, name: string): Note {
  const sentence = `lifecycle ${name} is not applied: this OpenSearch has no index management plugin`;
  return { level: 'info', name: objectName(service, 'lifecycle', name), sentence };
}

function withoutTimestamp(service: string, lifecycle: string, indices: Indices): Note[] {
  return Object.entries(indices).flatMap(([name, { dataStream, fields = {} }]) => {
    if (dataStream || timestampField in fields) return [];
    const sentence = `index ${name} has no field ${timestampField}, without which Amazon OpenSearch Service moves nothing to cold storage; declare it in fields, or make ${name} a data stream`;
    return [{ level: 'problem', name: objectName(service, 'lifecycle', lifecycle), sentence }];
  });
}
