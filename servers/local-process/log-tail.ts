import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const tailBytes = 8_192;

/** Frames of a Java stack trace: dozens that push out the line with the reason. */
const frame = /^\s*(at [\w.$/@<>]+\(.*\).*|\.\.\. \d+ more|<<<truncated>>>)$/;

/** The last lines of a log, for a message, without stack frames; empty when there is no log. @param from where to begin, in bytes */
export function logTail(path: string, from = 0, lines = 8): string {
  const text = lastBytes(path, from);
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !frame.test(line))
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join('\n');
}

function lastBytes(path: string, from: number): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.max(0, Math.min(size - from, tailBytes)));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(file);
  }
}
