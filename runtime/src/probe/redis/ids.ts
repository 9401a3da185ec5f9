/** Whether the entry `a` comes after `b`; ids end at 2^64 in both parts. */
export function isAfter(a: string, b: string): boolean {
  const [aTime, aSequence] = parts(a);
  const [bTime, bSequence] = parts(b);
  return aTime > bTime || (aTime === bTime && aSequence > bSequence);
}

/** When the entry was added, in milliseconds since 1970 by the server's clock; whoever chooses ids themselves may say anything. */
export function timeOf(id: string): number {
  return Number(parts(id)[0]);
}

/** Never negative: the clock of a master that was promoted may be behind. */
export function ageSeconds(id: string, nowMs: number): number {
  return Math.max(0, (nowMs - timeOf(id)) / 1_000);
}

function parts(id: string): [time: bigint, sequence: bigint] {
  const [time = '0', sequence = '0'] = id.split('-');
  return [BigInt(time), BigInt(sequence)];
}
