import { InvalidArgumentError } from 'commander';

/** A time of the command line. */
export function timeOf(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('must be a time as 2026-11-01T12:00:00Z');
  return time;
}
