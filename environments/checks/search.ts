import { ownedBy } from '../../runtime/src/contracts/topology.ts';
import type { Check } from './draft.ts';
import { problemIf, serviceOfKind, unknownName } from './references.ts';

const indicesReferToWhatExists: Check = (draft) =>
  Object.entries(draft.topology.indices).flatMap(([name, { service, lifecycle, volume }]) => {
    const path = `topology.indices.${name}`;
    return [
      ...serviceOfKind(draft, `${path}.service`, service, 'an index', ['opensearch']),
      ...(lifecycle === undefined ? [] : unknownName(`${path}.lifecycle`, 'lifecycle', lifecycle, draft.names('topology.lifecycles'))),
      ...problemIf(
        volume !== undefined && lifecycle === undefined,
        `${path}.volume`,
        'must be left out of an index without a lifecycle: nothing deletes its documents, so no disk is large enough; or name a lifecycle',
      ),
    ];
  });

/** Phases are counted from the roll-over, so that long an index is hot besides. */
const rolloverIsTheLesserPart: Check = (draft) =>
  Object.entries(draft.topology.lifecycles).flatMap(([name, { rolloverDays, hotDays }]) =>
    problemIf(
      rolloverDays > hotDays,
      `topology.lifecycles.${name}.rolloverDays`,
      `must be at most the ${hotDays} of hotDays, got ${rolloverDays}: an index would be written to for longer than it then stays hot`,
    ),
  );

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
        ownedBy(draft.topology.snapshots, service).length === 0,
      `topology.indices.${name}.lifecycle`,
      `archives before it deletes, but no snapshots are declared for the service ${JSON.stringify(service)}; declare some in topology.snapshots, or set archive to false`,
    ),
  );

/** Where snapshots lie is one place a service, made with it. */
const oneRepositoryEach: Check = (draft) =>
  Object.entries(draft.topology.snapshots).flatMap(([name, { service, repository }]) => {
    const [other, first] = ownedBy(draft.topology.snapshots, service)[0]!;
    return problemIf(
      first.repository !== repository,
      `topology.snapshots.${name}.repository`,
      `must be ${JSON.stringify(first.repository)} as for ${other}, got ${JSON.stringify(repository)}: a service has one repository`,
    );
  });

const rolesReferToWhatExists: Check = (draft) =>
  Object.entries(draft.topology.searchRoles).flatMap(([name, { service, indices, backendRoles, users }]) => {
    const path = `topology.searchRoles.${name}`;
    return [
      ...serviceOfKind(draft, `${path}.service`, service, 'a role of OpenSearch', ['opensearch']),
      ...indices.flatMap((index, position) => [
        ...unknownName(`${path}.indices.${position}`, 'index', index, draft.names('topology.indices')),
        ...problemIf(
          (draft.topology.indices[index]?.service ?? service) !== service,
          `${path}.indices.${position}`,
          `must lie on the service of the role, ${JSON.stringify(service)}, got an index of ${JSON.stringify(draft.topology.indices[index]?.service)}`,
        ),
      ]),
      ...problemIf(
        backendRoles.length + users.length === 0,
        path,
        'must name somebody in backendRoles or users: nobody would have the role',
      ),
      ...(draft.engine?.kind === 'aws' ? backendRoles : []).flatMap((role, position) =>
        problemIf(
          !/^arn:[a-z-]+:iam::\d{12}:role\/./.test(role),
          `${path}.backendRoles.${position}`,
          `must be the ARN of an IAM role on aws, arn:aws:iam::123456789012:role/orders or with a * for any text after role/, got ${JSON.stringify(role)}`,
        ),
      ),
    ];
  });

/** Rules about OpenSearch's indices, lifecycles, snapshots and roles. */
export const searchChecks: readonly Check[] = [
  indicesReferToWhatExists,
  rolloverIsTheLesserPart,
  phasesFollowEachOther,
  snapshotsOverlap,
  oneRepositoryEach,
  archivesHaveAPlace,
  rolesReferToWhatExists,
];
