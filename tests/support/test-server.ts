import { isAlive, signalProcess } from '../../servers/local-process/identity.ts';
import type { LaunchedProcess } from '../../servers/local-process/launch.ts';
import { type LocalServer, startServer } from '../../servers/local-process/start.ts';
import { stopProcess } from '../../servers/local-process/stop.ts';
import { eventually } from './eventually.ts';
import { guardProcess } from './guard.ts';

/** One running server of a test, and what may happen to it. */
export interface TestServer {
  /** Of the process that runs now; another one after `restart`. */
  readonly pid: number;
  /** Ends it as an administrator would; files stay. */
  end(): Promise<void>;
  /** Sends the signal; with one that ends a process, returns when it is gone. @param signal SIGKILL when absent */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it on the same port with the same files, having ended it when it still runs; returns when it is ready. */
  restart(): Promise<void>;
}

const deadlySignals: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT'];

/** Starts `server` and keeps hold of its process. */
export async function runTestServer(server: LocalServer): Promise<TestServer> {
  let running = await start(server);
  const end = async () => {
    await stopProcess(running.launched, server.stop);
    running.release();
  };
  return {
    get pid() {
      return running.launched.pid;
    },
    end,
    kill: async (signal = 'SIGKILL') => {
      signalProcess(running.launched, signal);
      if (!deadlySignals.includes(signal)) return;
      await eventually(() => !isAlive(running.launched), { what: `${server.spec.name} has ended after ${signal}` });
      running.release();
    },
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
