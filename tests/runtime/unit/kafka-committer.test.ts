import { startCommitter } from '../../../runtime/src/transports/kafka/committer.ts';
import { parseNote } from '../../../runtime/src/transports/kafka/note.ts';
import type { Commit } from '../../../runtime/src/transports/kafka/protocol/offsets.ts';
import { eventually } from '../../support/eventually.ts';
import { holding } from '../support/kafka-held.ts';

test('who waits until nothing is owed is told when the only partition that owed something was let go of, or lost', async () => {
  for (const how of ['finished', 'lost'] as const) {
    const consumer = holding(2);
    for (const held of consumer.held.values()) held.dirty = false;
    let settled = 0;
    const codes = new Map([
      [0, 0],
      [1, 0],
    ]);
    const committer = startCommitter(consumer, { commit: async () => codes }, () => {
      settled += 1;
    });
    const [held] = [...consumer.held.values()];
    held!.dirty = true;
    expect(committer.isOwing()).toBe(true);
    if (how === 'lost') held!.lost = true;
    else await committer.finish(held!, true);
    await eventually(() => settled > 0, { what: `it is told of a partition that was ${how}`, timeoutMs: 3_000 });
    expect(committer.isOwing()).toBe(false);
    await committer.stop();
  }
});

test('what is on its way to the group is owed still', async () => {
  const consumer = holding(1);
  let answer = (_: ReadonlyMap<number, number>): void => undefined;
  const commit = () => new Promise<ReadonlyMap<number, number>>((resolve) => (answer = resolve));
  let settled = 0;
  const committer = startCommitter(consumer, { commit }, () => {
    settled += 1;
  });
  const [held] = [...consumer.held.values()];
  const finishing = committer.finish(held!, true);
  await eventually(() => !held!.dirty, { what: 'the commit is under way' });
  expect([committer.isOwing(), settled]).toEqual([true, 0]);
  answer(new Map([[0, 0]]));
  await finishing;
  expect([committer.isOwing(), settled]).toEqual([false, 1]);
  await committer.stop();
});

test('handled events that a commit has no room to tell of are warned of once, and what it does tell was handled', async () => {
  const warnings: object[] = [];
  const log = { info: () => undefined, warn: (details: object) => warnings.push(details), error: () => undefined };
  const consumer = holding(1, { log });
  const [held] = [...consumer.held.values()];
  for (let offset = 1; offset < 6_000; offset += 2) held!.offsets.finish(offset);
  const notes: string[] = [];
  const commit = async (commits: () => readonly Commit[]) => {
    notes.push(...commits().map(({ metadata }) => metadata));
    return new Map([[0, 0]]);
  };
  const committer = startCommitter(consumer, { commit }, () => undefined);
  await committer.announce(held!, 10);
  await committer.finish(held!, false);
  await committer.stop();
  expect(warnings).toEqual([expect.objectContaining({ stream: 't/0', from: 0, ranges: expect.any(Number) })]);
  const { done } = parseNote(0, notes.at(-1)!)!;
  expect(done.length + (warnings[0] as { ranges: number }).ranges).toBe(3_000);
  expect(done.every(({ from, to }) => from % 2 === 1 && to === from + 1)).toBe(true);
});
