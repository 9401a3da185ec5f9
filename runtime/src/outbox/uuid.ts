import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(8 * 256);
let used = pool.length;
let lastMs = 0;
let counter = 0;

/**
 * A UUIDv7: 48 bits of milliseconds, a 12-bit counter within the millisecond, random bits. Ascending within one process.
 *
 * Node 20 has none of its own.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#section-5.7 and section 6.2, method 1
 */
export function uuidv7(): string {
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs++; // more than 4096 in a millisecond: borrow from the next
    counter = 0;
  }
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.toString('hex', used, used + 8);
  used += 8;
  const time = lastMs.toString(16).padStart(12, '0');
  const variant = (8 + (Number.parseInt(random[0]!, 16) & 3)).toString(16);
  const low = counter.toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${low}-${variant}${random.slice(1, 4)}-${random.slice(4, 16)}`;
}

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export function isUuidv7(text: string): boolean {
  return pattern.test(text);
}
