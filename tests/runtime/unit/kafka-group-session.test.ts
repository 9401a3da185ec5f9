import type { KafkaNodes } from '../../../runtime/src/connections/kafka/index.ts';
import { createGroupSession } from '../../../runtime/src/transports/kafka/group-session.ts';
import { createHolder } from '../../../runtime/src/transports/kafka/holder.ts';
import { answer } from '../../../runtime/src/transports/kafka/protocol/answers.ts';
import { heartbeat, joinGroup, syncGroup } from '../../../runtime/src/transports/kafka/protocol/group.ts';
import { commitOffsets } from '../../../runtime/src/transports/kafka/protocol/offsets.ts';
import { holding } from '../support/kafka-held.ts';

// Interleavings of requests and answers that a real coordinator cannot be made to show when a test wants them.

const sessionTimeoutMs = 6_000;

/** A coordinator that answers as it is told. */
function scripted() {
  const held: { answer: (value: unknown) => void; fail: (error: Error) => void }[] = [];
  const state = { beat: answer.ok as number, commit: [] as number[], commits: [] as unknown[], generation: 1, holdsJoins: false };
  const joined = () => ({ errorCode: answer.ok, generation: state.generation, leaderId: 'other', memberId: 'me', members: [] });
  const ask = async (_node: number, protocol: unknown, options: unknown): Promise<unknown> => {
    if (protocol === heartbeat) return state.beat;
    if (protocol === syncGroup) return { errorCode: answer.ok, assignment: Buffer.alloc(0) };
    if (protocol === commitOffsets) {
      state.commits.push(options);
      return [{ partition: 0, errorCode: state.commit.shift() ?? answer.ok }];
    }
    if (protocol !== joinGroup) throw new Error('it is asked for something else');
    if (!state.holdsJoins) return joined();
    return new Promise((resolve, reject) => held.push({ answer: () => resolve(joined()), fail: reject }));
  };
  const nodes = { ask, any: async () => ({ errorCode: 0, node: 1 }) } as unknown as KafkaNodes;
  const parts = { ...holding(1), nodes, sessionTimeoutMs, leaders: { of: async () => [1] } as never };
  return { state, held, session: createGroupSession(parts) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const commitOf = (session: ReturnType<typeof scripted>['session']) =>
  session.commit(() => [{ partition: 0, offset: 1, metadata: '' }], 't');

test('while a group changes a member that beats keeps what it has, until its time for joining again is over', async () => {
  jest.useFakeTimers({ now: 0, doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  try {
    const { state, session } = scripted();
    await session.enter([0], 1);
    expect(session.sureUntil() - performance.now()).toBeCloseTo(0.9 * sessionTimeoutMs);
    state.holdsJoins = true;
    void session.enter([0], 1);
    state.beat = answer.rebalancing;
    for (let second = 0; second < 30; second++) {
      jest.advanceTimersByTime(1_000);
      expect(await session.beat()).toBe(false);
      const wanted = Math.min(performance.now() + 0.9 * sessionTimeoutMs, 0.9 * 3 * sessionTimeoutMs);
      expect(session.sureUntil()).toBeCloseTo(wanted);
    }
  } finally {
    jest.useRealTimers();
  }
});

test('an answer of 0 to a heartbeat that is not waited for by a join makes it sure for another time', async () => {
  const { session } = scripted();
  await session.enter([0], 1);
  const before = session.sureUntil();
  await turn();
  expect(await session.beat()).toBe(true);
  expect(session.sureUntil()).toBeGreaterThan(before);
});

test('a member that the group does not know any more is sure of nothing, also while it joins', async () => {
  const { state, session } = scripted();
  await session.enter([0], 1);
  state.holdsJoins = true;
  void session.enter([0], 1);
  state.beat = answer.unknownMember;
  await expect(session.beat()).rejects.toMatchObject({ code: 'CONSUMER_LEASE_LOST' });
  expect(session.sureUntil()).toBe(Number.NEGATIVE_INFINITY);
});

test('offsets that arrive when the group has its new generation are sent once more as of that; what was lost meanwhile is not', async () => {
  const { state, held, session } = scripted();
  await session.enter([0], 1);
  Object.assign(state, { holdsJoins: true, generation: 2, commit: [answer.illegalGeneration] });
  const entering = session.enter([0], 1);
  await turn();
  let isLost = false;
  const committing = session.commit(() => (isLost ? [] : [{ partition: 0, offset: 1, metadata: '' }]), 't');
  await turn();
  isLost = true;
  held[0]!.answer(undefined);
  await entering;
  expect([...(await committing).values()]).toEqual([answer.ok]);
  expect(state.commits).toMatchObject([
    { generation: 1, commits: [{ partition: 0 }] },
    { generation: 2, commits: [] },
  ]);
});

test.each([
  ['no join is under way', false, answer.illegalGeneration],
  ['the group does not know the member, whatever is under way', true, answer.unknownMember],
])('offsets are refused for good when %s', async (_, holdsJoins, code) => {
  const { state, session } = scripted();
  await session.enter([0], 1);
  Object.assign(state, { holdsJoins, commit: [code] });
  if (holdsJoins) void session.enter([0], 1);
  await turn();
  await expect(commitOf(session)).rejects.toMatchObject({ code: 'CONSUMER_LEASE_LOST' });
  expect(state.commits).toHaveLength(1);
});

test('a partition that is being taken over is claimed, and given up for others when the group wants it elsewhere', async () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  let rejoins = 0;
  const consumer = holding(0, { shared: { any: never, ask: never } as unknown as KafkaNodes, gone: new Map() });
  const holder = createHolder({
    consumer,
    member: {
      rejoin() {
        rejoins += 1;
      },
    },
    committer: { announce: never, finish: never },
    blocked: { load: never },
    onHeld: () => undefined,
  });
  holder.assign([0, 1]);
  expect(holder.owned()).toEqual([0, 1]);
  holder.assign([0, 1]);
  await turn();
  expect(rejoins).toBe(0);
  holder.assign([1]);
  await turn();
  expect([holder.owned(), rejoins]).toEqual([[1], 1]);
  holder.loseAll();
  expect(holder.owned()).toEqual([]);
});
