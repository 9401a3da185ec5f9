import { type Command, InvalidArgumentError } from 'commander';

/** Where a program that runs until it is stopped tells of its health. */
export interface ServingFlags {
  readonly httpPort?: number;
  readonly httpHost: string;
}

export function withServing(command: Command): Command {
  return command
    .option('--http-port <port>', 'serve /live, /ready, /startup and /metrics there', port)
    .option('--http-host <address>', 'address to serve them on', '127.0.0.1');
}

/** Aborted by the first SIGTERM or SIGINT. */
export function stopSignal(): AbortSignal {
  return AbortSignal.any([signalled('SIGTERM'), signalled('SIGINT')]);
}

export function atLeast(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < minimum)
      throw new InvalidArgumentError(`must be a whole number from ${minimum} on, got ${text}`);
    return value;
  };
}

function signalled(signal: NodeJS.Signals): AbortSignal {
  const controller = new AbortController();
  process.once(signal, () => controller.abort());
  return controller.signal;
}

function port(text: string): number {
  const value = atLeast(1)(text);
  if (value > 65_535) throw new InvalidArgumentError(`must be at most 65535, got ${text}`);
  return value;
}
