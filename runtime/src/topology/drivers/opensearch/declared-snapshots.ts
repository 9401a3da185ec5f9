import { repositoriesOn } from '../../../contracts/declared-objects.ts';
import { objectName } from '../../../contracts/object-names.ts';
import { ownedBy, type Topology } from '../../../contracts/topology.ts';
import type { Note } from '../../driver.ts';
import { repositoryProperties, snapshotPolicyProperties } from './comparable.ts';
import { describe, markFor } from './marks.ts';
import type { Body, DeclareContext, DeclaredObject } from './model.ts';
import { days } from './phases.ts';

type Snapshots = Topology['snapshots'][string];

export interface DeclaredSnapshots {
  readonly objects: readonly DeclaredObject[];
  readonly notes: readonly Note[];
}

/** The repository and the snapshot policies of one service. */
export function declareSnapshots(
  { service, bound, topology, capabilities }: DeclareContext,
  indices: readonly string[],
): DeclaredSnapshots {
  const policies = ownedBy(topology.snapshots, service);
  const [repository, ...others] = repositoriesOn(topology, service);
  const place = bound.administration?.snapshotRepository;
  const tiers = bound.administration?.tiers ?? 'none';
  const all = policies.map(([name, policy]) => snapshotPolicy(name, policy, tiers.startsWith('ultrawarm') ? undefined : indices));
  return {
    objects: [
      ...(repository !== undefined && place ? [repositoryOf(repository, place)] : []),
      ...(capabilities.indexManagement ? all : []),
    ],
    notes: [
      ...(repository !== undefined && place === undefined ? [withoutPlace(service, repository)] : []),
      ...others.map((name) => withoutPlaceOfItsOwn(service, name, repository!)),
      ...(capabilities.indexManagement ? [] : policies.map(([name]) => withoutPlugin(service, name))),
    ],
  };
}

function repositoryOf(name: string, place: Body): DeclaredObject {
  return { kind: 'repository', name, properties: repositoryProperties(place), body: place };
}

/**
 * A policy of Snapshot Management.
 *
 * @param indices all where absent: what Amazon OpenSearch Service takes for all that is in hot storage; named, a warm one would make the snapshot fail.
 */
function snapshotPolicy(
  name: string,
  { repository, everyHours, keepDays }: Snapshots,
  indices: readonly string[] | undefined,
): DeclaredObject {
  const snapshots = { repository, ...(indices && { indices: indices.join(',') }), ignore_unavailable: true, include_global_state: false };
  const content = {
    creation: { schedule: cron(everyHoursText(everyHours)) },
    deletion: { schedule: cron('30 2 * * *'), condition: { max_age: days(keepDays), min_count: 1 } },
    snapshot_config: snapshots,
    enabled: true,
  };
  const properties = snapshotPolicyProperties(content);
  const body = { ...content, description: describe('Declared in the topology', markFor(properties)) };
  return { kind: 'snapshots', name, properties, body, deleteDays: keepDays };
}

function cron(expression: string): Body {
  return { cron: { expression, timezone: 'UTC' } };
}

/** The schedule takes nothing but cron expressions: at least as often as asked for, more often where hours do not divide a day. */
function everyHoursText(hours: number): string {
  if (hours < 24) return `0 */${hours} * * *`;
  const wholeDays = Math.min(28, Math.floor(hours / 24));
  return wholeDays === 1 ? '0 1 * * *' : `0 1 */${wholeDays} * *`;
}

function withoutPlace(service: string, repository: string): Note {
  const sentence =
    `repository ${repository} is not registered: the binding names no place for snapshots (administration.snapshotRepository), ` +
    'so nothing is archived, and what waits to be archived is not deleted';
  return { level: 'problem', name: objectName(service, 'repository', repository), sentence };
}

function withoutPlaceOfItsOwn(service: string, name: string, first: string): Note {
  const sentence = `repository ${name} is not registered: the binding has one place for snapshots, which ${first} has; two in one place would spoil each other, so declare one repository`;
  return { level: 'problem', name: objectName(service, 'repository', name), sentence };
}

function withoutPlugin(service: string, name: string): Note {
  const sentence = `snapshots ${name} are not taken: this OpenSearch has no index management plugin`;
  return { level: 'info', name: objectName(service, 'snapshots', name), sentence };
}
