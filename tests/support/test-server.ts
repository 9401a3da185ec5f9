import { isAlive, signalProcess } from '../../servers/local-process/identity.ts';
import type { LaunchedProcess } from '../../servers/local-process/launch.ts';
import { type LocalServer, startServer } from '../../servers/local-process/start.ts';
import { stopProcess } from '../../servers/local-process/stop.ts';
import { eventually } from './eventually.ts';
import { guardProcess } from './guard.ts';

/** A process of a server, and what may happen to it. */
export interface TestProcess {
  /** Of the process that runs now; another one after `restart`. */
  readonly pid: number;
  /** Sends the signal; with one that ends a process, returns when it is gone. @param signal SIGKILL when absent */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: it keeps its connections and answers nothing. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Starts it on the same port with the same files, having ended it when it still runs; returns when it is ready. */
  restart(): Promise<void>;
}

/** One running server of a test. */
export interface TestServer extends TestProcess {
  /** Ends it as an administrator would; files stay. */
  end(): Promise<void>;
}

const deadlySignals: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT'];

/** Starts `server` and keeps hold of its process. */
export async function runTestServer(server: LocalServer): Promise<TestServer> {
  let running = await start(server);
  const end = async () => {
    await stopProcess(running.launched, server.stop);
    running.release();
  };
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    signalProcess(running.launched, signal);
    if (!deadlySignals.includes(signal)) return;
    await eventually(() => !isAlive(running.launched), { what: `${server.spec.name} has ended after ${signal}` });
    running.release();
  };
  return {
    get pid() {
      return running.launched.pid;
    },
    end,
    kill,
    pause: () => kill('SIGSTOP'),
    resume: () => kill('SIGCONT'),
    restart: async () => {
      await end();
      // What a killed PostgreSQL leaves in shared memory is refused until its last back end has noticed.
      running = await eventually(() => start(server), { what: `${server.spec.name} starts again`, timeoutMs: 20_000 });
    },
  };
}

async function start(server: LocalServer): Promise<{ launched: LaunchedProcess; release: () => void }> {
  let release = () => {};
  try {
    const launched = await startServer(server, {
      onLaunched: ({ pid }) => {
        release = guardProcess(pid);
      },
    });
    return { launched, release: () => release() };
  } catch (error) {
    release();
    throw error;
  }
}
