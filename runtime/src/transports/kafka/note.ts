import type { OffsetRange } from './offsets.ts';

/** What is kept beside a committed offset, in its metadata: what the next holder of the partition must know. */
export interface Note {
  /** Of the holder; each has a higher one than those before it. */
  readonly fence: number;
  /** Name of the holder. */
  readonly by: string;
  /** Topic id; another one means that the offset is of a topic that is gone. */
  readonly topicId: string;
  /** Messages below this one may have begun. */
  readonly begun: number;
  /** Messages below this one were looked at. */
  readonly fed: number;
  /** Whether the holder went in good order: then none is unfinished. */
  readonly clean: boolean;
  /** Attempts that began, by offset, of messages that may be killing their process. */
  readonly attempts: ReadonlyMap<number, number>;
  readonly done: readonly OffsetRange[];
}

/** Brokers keep 4,096 bytes (`offset.metadata.max.bytes`). */
const maxChars = 4_000;
const maxNameChars = 100;
const version = 'm1';

/**
 * Numbers are counted from `offset`, so that they stay short.
 *
 * Ranges that have no room are left out, the last first: nothing is lost by it, but what they told of is delivered again to the next holder. There is room for
 * some 1,900, between holes that are close; a key that blocks makes one with each of its events.
 *
 * @returns how many ranges were left out as well.
 */
export function formatNote(
  offset: number,
  { fence, by, topicId, begun, fed, clean, attempts, done }: Note,
): { readonly text: string; readonly leftOut: number } {
  const name = encodeURIComponent(by).slice(0, maxNameChars);
  const counts = [...attempts].map(([at, count]) => packNumber(at - offset) + packNumber(count));
  const ahead = packNumber(Math.max(0, begun - offset)) + packNumber(Math.max(0, fed - offset));
  let text = `${[version, clean ? 'c' : 'u', packNumber(fence), topicId, ahead, name, counts.join('')].join(' ')} `;
  let last = offset;
  for (const [place, { from, to }] of done.entries()) {
    const next = packNumber(from - last) + packNumber(to - from);
    if (text.length + next.length > maxChars) return { text, leftOut: done.length - place };
    text += next;
    last = to;
  }
  return { text, leftOut: 0 };
}

/** Undefined where the offset was committed by something else, such as a tool that moved the group. */
export function parseNote(offset: number, text: string): Note | undefined {
  const [first, state, fence = '', topicId = '', ahead = '', by = '', counts = '', ranges = ''] = text.split(' ');
  if (first !== version) return undefined;
  const [begun = 0, fed = 0] = unpackNumbers(ahead);
  let last = offset;
  const done = pairs(ranges).map(([skip, length]) => {
    const from = last + skip;
    last = from + length;
    return { from, to: last };
  });
  return {
    fence: unpackNumbers(fence)[0] ?? 0,
    by: nameOf(by),
    topicId,
    begun: offset + begun,
    fed: offset + fed,
    clean: state === 'c',
    attempts: new Map(pairs(counts).map(([at, count]) => [offset + at, count])),
    done,
  };
}

/** Five bits a character, the lowest first, and a sixth that says whether more follow: most numbers here are below 32. */
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const digitOf = new Map([...digits].map((digit, value) => [digit, value]));

function packNumber(value: number): string {
  let text = '';
  let rest = value;
  for (; rest >= 32; rest = Math.floor(rest / 32)) text += digits[32 + (rest % 32)];
  return text + digits[rest];
}

function unpackNumbers(text: string): number[] {
  const numbers: number[] = [];
  let [value, factor] = [0, 1];
  for (const digit of text) {
    const bits = digitOf.get(digit) ?? 0;
    value += (bits % 32) * factor;
    factor *= 32;
    if (bits >= 32) continue;
    numbers.push(value);
    [value, factor] = [0, 1];
  }
  return numbers;
}

function pairs(text: string): (readonly [number, number])[] {
  const numbers = unpackNumbers(text);
  return Array.from({ length: Math.floor(numbers.length / 2) }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!] as const);
}

/** A name that was cut in the middle of a letter is shown as it lies there. */
function nameOf(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
