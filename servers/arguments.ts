import { InvalidArgumentError } from 'commander';

/** Names with blanks or commas between them, as people write lists. */
export function names(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(/[\s,]+/).filter((name) => name !== '')];
}

export function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1_024 || port > 65_000)
    throw new InvalidArgumentError(`must be a port from 1024 to 65000, got ${text}`);
  return port;
}
