import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const tailBytes = 8_192;

/** Frames of a Java stack trace: dozens that push out the line with the reason. */
const frame = /^\s*(at [\w.$/@<>]+\(.*\).*|\.\.\. \d+ more|<<<truncated>>>)$/;

/** The last lines of a log, for a message, without stack frames; empty when there is no log. */
export function logTail(path: string, lines = 8): string {
  const text = lastBytes(path);
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !frame.test(line))
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join('\n');
}

function lastBytes(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(file);
  }
}
