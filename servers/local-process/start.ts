import { type LaunchedProcess, type LaunchSpec, launch } from './launch.ts';
import { type Probe, waitUntilReady } from './ready.ts';
import { type StopSteps, stopProcess } from './stop.ts';

/** A server as a local process: how it is launched, when it is ready and how it is stopped. */
export interface LocalServer {
  readonly spec: LaunchSpec;
  readonly stop: StopSteps;
  /** Time it may take until it is ready. */
  readonly readyTimeoutMs: number;
  /** Writes what the process reads when it starts; called before every launch. */
  prepare(signal?: AbortSignal): Promise<void> | void;
  readonly probe: Probe;
  /** What there is to say about a server that answers, in a word or three: `master`, `green`, `2 of 3 nodes`. */
  readonly condition?: (signal: AbortSignal) => Promise<string>;
}

export interface StartOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called when the process exists, before it becomes the server: the moment to write down whom to stop. */
  readonly onLaunched?: (launched: LaunchedProcess) => void;
}

/**
 * Starts the server and returns when it is ready; when that fails or is aborted, the process is stopped again.
 *
 * @throws {MillraceError} SERVER_START_FAILED with the last lines of its log.
 */
export async function startServer(server: LocalServer, { signal, onLaunched }: StartOptions = {}): Promise<LaunchedProcess> {
  await server.prepare(signal);
  signal?.throwIfAborted();
  const launched = await launch(server.spec, (process) => onLaunched?.(process));
  try {
    await waitUntilReady(launched, server.probe, { timeoutMs: server.readyTimeoutMs, signal });
  } catch (error) {
    await stopProcess(launched, server.stop);
    throw error;
  }
  return launched;
}
