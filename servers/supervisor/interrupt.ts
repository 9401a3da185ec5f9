/** The person or program that started us wants us to end. */
export class Interruption extends Error {
  /** 128 + number of the signal, as shells report it. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
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
  const onClosedPipe = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    onSignal('SIGHUP');
  };
  const names = Object.keys(signalNumbers) as NodeJS.Signals[];
  for (const name of names) process.on(name, onSignal);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onClosedPipe);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of names) process.off(name, onSignal);
  }
}
