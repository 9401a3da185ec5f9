import { hash } from 'node:crypto';

/** Distinct texts that are remembered; partition keys repeat, and 0.04 µs for a remembered one compare with 0.4-0.6 µs for SHA-256. */
const rememberedTexts = 10_000;
const remembered = new Map<string, number>();

/**
 * The hash that places partition keys: the first 4 bytes of SHA-256 of the UTF-8 text, unsigned and big-endian, 0 to 4,294,967,295.
 *
 * The same in SQL: `('x' || encode(substr(sha256(convert_to(text, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint`.
 */
export function hash32(text: string): number {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const value = Number.parseInt(hash('sha256', text, 'hex').slice(0, 8), 16);
  if (remembered.size >= rememberedTexts) remembered.clear();
  remembered.set(text, value);
  return value;
}

/** The shard of `key` among `shards`, 0 to `shards - 1`. */
export function shardOf(key: string, shards: number): number {
  return shards === 1 ? 0 : hash32(key) % shards;
}

/** SHA-256 in full, hexadecimal: what documents and objects are compared by. */
export function sha256(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex');
}
