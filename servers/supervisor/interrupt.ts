/** The person or program that started us wants us to end. */
export class Interruption extends Error {
  readonly code = 'INTERRUPTED';
  /** 128 + number of the signal, as shells report it. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}; what had been started is stopped again`);
    this.exitCode = 128 + signalNumbers[signal]!;
  }
}

const signalNumbers: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/**
 * Runs `work` with a signal that aborts at the first SIGINT, SIGTERM or SIGHUP, or when nobody reads our output any more.
 *
 * Until `work` has come to its end no signal ends this process: it is the one that knows what to stop.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => controller.abort(new Interruption(signal));
  // A closed pipe gives EPIPE, a closed terminal EIO; an error that nobody handles would end this process in the middle of its work.
  const onLostOutput = () => onSignal('SIGHUP');
  const names = Object.keys(signalNumbers) as NodeJS.Signals[];
  for (const name of names) process.on(name, onSignal);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onLostOutput);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of names) process.off(name, onSignal);
  }
}
