import type { Check } from './draft.ts';
import { problemIf, serviceOfKind, unknownName } from './references.ts';

const indicesReferToWhatExists: Check = (draft) =>
  Object.entries(draft.topology.indices).flatMap(([name, { service, lifecycle }]) => {
    const path = `topology.indices.${name}`;
    return [
      ...serviceOfKind(draft, `${path}.service`, service, 'an index', ['opensearch']),
      ...(lifecycle === undefined ? [] : unknownName(`${path}.lifecycle`, 'lifecycle', lifecycle, draft.names('topology.lifecycles'))),
    ];
  });

/** The days are ages of the index, so each phase begins after the one before it. */
const phasesFollowEachOther: Check = (draft) =>
  Object.entries(draft.topology.lifecycles).flatMap(([name, lifecycle]) => {
    const phases = (['hotDays', 'warmDays', 'coldDays', 'deleteDays'] as const).flatMap((phase) => {
      const age = lifecycle[phase];
      return age === undefined ? [] : [{ phase, age }];
    });
    return phases.flatMap(({ phase, age }, index) => {
      const before = phases[index - 1];
      return problemIf(
        before !== undefined && age <= before.age,
        `topology.lifecycles.${name}.${phase}`,
        `must be more than the ${before?.age} of ${before?.phase}, got ${age}`,
      );
    });
  });

const snapshotsOverlap: Check = (draft) =>
  Object.entries(draft.topology.snapshots).flatMap(([name, { service, everyHours, keepDays }]) => [
    ...serviceOfKind(draft, `topology.snapshots.${name}.service`, service, 'a snapshot policy', ['opensearch']),
    ...problemIf(
      everyHours > keepDays * 24,
      `topology.snapshots.${name}.everyHours`,
      `must be at most the ${keepDays * 24} hours of keepDays, got ${everyHours}: there would be times without any snapshot`,
    ),
  ]);

/** What an index deletes must have been archived, so an archiving lifecycle needs a place on every service that uses it. */
const archivesHaveAPlace: Check = (draft) =>
  Object.entries(draft.topology.indices).flatMap(([name, { service, lifecycle }]) =>
    problemIf(
      lifecycle !== undefined &&
        draft.topology.lifecycles[lifecycle]?.archive === true &&
        !Object.values(draft.topology.snapshots).some((snapshots) => snapshots.service === service),
      `topology.indices.${name}.lifecycle`,
      `archives before it deletes, but no snapshots are declared for the service ${JSON.stringify(service)}; declare some in topology.snapshots, or set archive to false`,
    ),
  );

/** Rules about OpenSearch's indices, lifecycles and snapshots. */
export const searchChecks: readonly Check[] = [indicesReferToWhatExists, phasesFollowEachOther, snapshotsOverlap, archivesHaveAPlace];
