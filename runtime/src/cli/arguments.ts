import { InvalidArgumentError } from 'commander';

/** Names in one argument or several, between commas or blanks. */
export function names(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(/[\s,]+/).filter((name) => name !== '')];
}

/** Longer ones than Node's timers take would end at once. */
const maxSeconds = 86_400;

export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= maxSeconds) return value;
  throw new InvalidArgumentError(`must be a number of seconds above 0, ${maxSeconds} at most.`);
}
