import { type Reader, wireProtocol } from '../../../connections/kafka/wire.ts';

const ofGroups = 0;

/** Broker that looks after a group. Version 1, spoken by Kafka since 0.11. */
export const findCoordinator = wireProtocol<string, { readonly errorCode: number; readonly node: number }>(
  { key: 10, version: 1, name: 'FindCoordinator' },
  (to, group) => to.text(group).int8(ofGroups),
  (from) => {
    from.int32();
    const errorCode = from.int16();
    from.text();
    return { errorCode, node: from.int32() };
  },
);

export interface JoinRequest {
  readonly group: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** Empty for a new one. */
  readonly memberId: string;
  readonly protocol: string;
  readonly metadata: Buffer;
}

export interface JoinAnswer {
  readonly errorCode: number;
  readonly generation: number;
  readonly leaderId: string;
  readonly memberId: string;
  /** Empty unless this member is the leader. */
  readonly members: readonly { readonly id: string; readonly metadata: Buffer }[];
}

const consumers = 'consumer';

/** Version 4, spoken by Kafka since 2.2. */
export const joinGroup = wireProtocol<JoinRequest, JoinAnswer>(
  { key: 11, version: 4, name: 'JoinGroup', heldBack: true },
  (to, { group, sessionTimeoutMs, rebalanceTimeoutMs, memberId, protocol, metadata }) => {
    to.text(group).int32(sessionTimeoutMs).int32(rebalanceTimeoutMs).text(memberId).text(consumers);
    to.list([protocol], () => to.text(protocol).buffer(metadata));
  },
  (from) => {
    from.int32();
    const [errorCode, generation] = [from.int16(), from.int32()];
    from.text();
    const [leaderId, memberId] = [from.text() ?? '', from.text() ?? ''];
    return { errorCode, generation, leaderId, memberId, members: from.list(() => ({ id: from.text() ?? '', metadata: from.buffer() })) };
  },
);

/** A member, as the coordinator knows it. */
export interface Membership {
  readonly group: string;
  readonly generation: number;
  readonly memberId: string;
}

/** Version 2, spoken by Kafka since 2.0. */
export const syncGroup = wireProtocol<
  Membership & { readonly assignments: readonly { readonly id: string; readonly assignment: Buffer }[] },
  { readonly errorCode: number; readonly assignment: Buffer }
>(
  { key: 14, version: 2, name: 'SyncGroup', heldBack: true },
  (to, { group, generation, memberId, assignments }) => {
    to.text(group).int32(generation).text(memberId);
    to.list(assignments, ({ id, assignment }) => to.text(id).buffer(assignment));
  },
  (from) => {
    from.int32();
    return { errorCode: from.int16(), assignment: from.buffer() };
  },
);

const errorOnly = (from: Reader): number => {
  from.int32();
  return from.int16();
};

/** Version 2, spoken by Kafka since 2.0. Answers with an error code. */
export const heartbeat = wireProtocol<Membership, number>(
  { key: 12, version: 2, name: 'Heartbeat' },
  (to, { group, generation, memberId }) => to.text(group).int32(generation).text(memberId),
  errorOnly,
);

/** Version 2, spoken by Kafka since 2.0. Answers with an error code. */
export const leaveGroup = wireProtocol<Pick<Membership, 'group' | 'memberId'>, number>(
  { key: 13, version: 2, name: 'LeaveGroup' },
  (to, { group, memberId }) => to.text(group).text(memberId),
  errorOnly,
);

/** What the members of a group said of themselves when they joined. Version 2, spoken by Kafka since 2.0. */
export const describeGroup = wireProtocol<
  string,
  { readonly errorCode: number; readonly members: readonly { readonly id: string; readonly metadata: Buffer }[] }
>(
  { key: 15, version: 2, name: 'DescribeGroups' },
  (to, group) => to.list([group], (name) => to.text(name)),
  (from) => {
    from.int32();
    const [found] = from.list(() => {
      const errorCode = from.int16();
      for (let text = 0; text < 4; text++) from.text();
      const members = from.list(() => {
        const id = from.text() ?? '';
        for (let text = 0; text < 2; text++) from.text();
        const metadata = from.buffer();
        from.buffer();
        return { id, metadata };
      });
      return { errorCode, members };
    });
    return found ?? { errorCode: 0, members: [] };
  },
);
