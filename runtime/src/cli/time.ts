import { InvalidArgumentError } from 'commander';
import { parseTime } from '../iso-time.ts';

/** A time of the command line. */
export function timeOf(text: string): Date {
  const time = parseTime(text);
  if (time === undefined) throw new InvalidArgumentError(`must be a time as 2026-11-21 or 2026-11-21T08:00:00Z, got ${text}`);
  return time;
}
