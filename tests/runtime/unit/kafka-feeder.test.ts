import { createFeeder } from '../../../runtime/src/transports/kafka/feeder.ts';
import type { HeldPartition } from '../../../runtime/src/transports/kafka/held-partition.ts';
import { holding, recordsOf } from '../support/kafka-held.ts';

test('an error while a partition is taken up is logged, the partition is lost, and the others go on', async () => {
  const errors: object[] = [];
  const lost: string[] = [];
  const consumer = holding(2, {
    log: { info: () => undefined, warn: () => undefined, error: (details: object) => errors.push(details) },
    lose(held: HeldPartition) {
      held.lost = true;
      lost.push(held.name);
    },
  });
  const [bad, good] = [...consumer.held.values()];
  for (const held of [bad!, good!]) held.buffer = await recordsOf(3);
  bad!.known.has = () => {
    throw new Error('out of order');
  };
  const taken: string[] = [];
  const feed = createFeeder({ consumer, add: ({ source }) => taken.push(source.name), onTaken: () => undefined });
  feed();
  expect(lost).toEqual(['t/0']);
  expect(errors).toEqual([expect.objectContaining({ stream: 't/0', error: 'Error: out of order' })]);
  expect(taken).toEqual(['t/1']);
  good!.buffer = [...good!.buffer, ...(await recordsOf(1, 3))];
  feed();
  expect(good!.known.size).toBe(4);
});
