import { createHash } from 'node:crypto';
import { hash32, shardOf } from '../../../runtime/src/hash.ts';
import vectors from './hash-vectors.json';

test.each(vectors)('the committed hash of %j', ({ text, hash, shardOf8, shardOf7 }) => {
  expect([hash32(text), shardOf(text, 8), shardOf(text, 7)]).toEqual([hash, shardOf8, shardOf7]);
  expect(hash32(text)).toBe(createHash('sha256').update(text, 'utf8').digest().readUInt32BE(0));
});

test('one shard takes every key', () => {
  expect(shardOf('anything', 1)).toBe(0);
});

test('keys spread over the shards evenly', () => {
  const counts = new Array<number>(8).fill(0);
  for (let i = 0; i < 20_000; i++) counts[shardOf(`order-${i}`, 8)]! += 1;
  expect(Math.min(...counts)).toBeGreaterThan(2_300);
  expect(Math.max(...counts)).toBeLessThan(2_700);
});

test('more keys than are remembered still hash alike', () => {
  const before = hash32('order-7');
  for (let i = 0; i < 25_000; i++) hash32(`other-${i}`);
  expect(hash32('order-7')).toBe(before);
});
