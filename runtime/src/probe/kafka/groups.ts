import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { grouped } from '../../grouped.ts';
import { Pause } from '../../pause.ts';
import type { Brokers } from './brokers.ts';
import {
  type CommittedAnswer,
  describeGroups,
  fetchOffsets,
  findCoordinator,
  type GroupDescription,
  type Places,
} from './group-protocol.ts';

/** What is to be found out of a group. */
export interface AskedGroup {
  readonly group: string;
  readonly topics: readonly Places[];
}

export interface FoundGroup extends AskedGroup {
  /** By topic and partition, as `topic:partition`; partitions where it has committed nothing are missing. */
  readonly committed: ReadonlyMap<string, bigint>;
  /** Undefined for a group of the newer protocol (KIP-848), whose members older requests do not show. */
  readonly members: number | undefined;
}

/** How long a group may take to get a coordinator; the first one of a new cluster takes a second. */
const patienceMs = 3_000;
const betweenMs = 200;

/** @throws {MillraceError} CONNECTION_FAILED when a group has no coordinator that answers; ACCESS_DENIED when the user may not look at one. */
export async function readGroups(brokers: Brokers, groups: readonly AskedGroup[], signal: AbortSignal): Promise<FoundGroup[]> {
  const pause = new Pause();
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await attempt(brokers, groups);
    } catch (error) {
      if (!isMillraceError(error, 'CONNECTION_FAILED') || performance.now() >= until) throw error;
      await pause.wait(betweenMs, signal);
      signal.throwIfAborted();
    }
  }
}

async function attempt(brokers: Brokers, groups: readonly AskedGroup[]): Promise<FoundGroup[]> {
  const any = await brokers.any();
  const placed = await Promise.all(
    groups.map(async (asked) => {
      const { errorCode, coordinator } = await any.ask(await findCoordinator(), { coordinatorKey: asked.group, coordinatorType: ofGroups });
      refuse(errorCode, asked.group);
      return { ...asked, coordinator: coordinator.nodeId };
    }),
  );
  const found = grouped(placed, ({ coordinator }) => coordinator).map(async ([coordinator, own]) => {
    const connection = await brokers.node(coordinator);
    const [described, committed] = await Promise.all([
      describeGroups().then((protocol) => connection.ask(protocol, { groupIds: own.map(({ group }) => group) })),
      Promise.all(
        own.map(async ({ group, topics }) => committedOf(group, await connection.ask(await fetchOffsets(), askedOffsets(group, topics)))),
      ),
    ]);
    const byName = new Map(described.groups.map((description) => [description.groupId, description]));
    return own.map(({ group, topics }, index): FoundGroup => {
      const offsets = committed[index]!;
      return { group, topics, committed: offsets, members: membersOf(group, byName.get(group), offsets.size > 0) };
    });
  });
  return (await Promise.all(found)).flat();
}

const ofGroups = 0;

function askedOffsets(groupId: string, topics: readonly Places[]) {
  return {
    groupId,
    topics: topics.map(({ topic, partitions }) => ({ topic, partitions: partitions.map((partition) => ({ partition })) })),
  };
}

function committedOf(group: string, { errorCode, responses }: CommittedAnswer): Map<string, bigint> {
  refuse(errorCode, group);
  return new Map(
    responses.flatMap(({ topic, partitions }) =>
      partitions.flatMap(({ partition, offset }) => (BigInt(offset) < 0n ? [] : [[`${topic}:${partition}`, BigInt(offset)] as const])),
    ),
  );
}

function membersOf(group: string, description: GroupDescription | undefined, hasCommitted: boolean): number | undefined {
  refuse(description?.errorCode ?? 0, group);
  // A group with offsets is known to its coordinator; one that this request calls dead is of the newer kind.
  if (description === undefined || (description.state === 'Dead' && hasCommitted)) return undefined;
  return description.members.length;
}

const notAuthorized = 30;

function refuse(errorCode: number, group: string): void {
  if (errorCode === 0) return;
  if (errorCode === notAuthorized) {
    throw new MillraceError('ACCESS_DENIED', `the user may not look at consumer group ${group}; grant it Describe of the group by an ACL`);
  }
  throw new MillraceError('CONNECTION_FAILED', `the coordinator of consumer group ${group} does not answer yet (error code ${errorCode})`);
}
