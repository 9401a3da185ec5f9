import { makePrivateFolder } from '../local-process/files.ts';
import type { LocalServer } from '../local-process/start.ts';
import { intervalSeconds } from './interval.ts';

export interface ProbeProcess {
  readonly name: string;
  readonly dir: string;
  readonly logFile: string;
  readonly host: string;
  readonly port: number;
  /** The program `millrace`. */
  readonly program: string;
  /** Names the services to look at. */
  readonly bindingFile: string;
}

/** `millrace probe` as a local process: it samples what servers do not publish, and Prometheus scrapes it. */
export function probeProcess({ name, dir, logFile, host, port, program, bindingFile }: ProbeProcess): LocalServer {
  const serving = ['--http-host', host, '--http-port', String(port)];
  const args = [program, 'probe', '--binding', bindingFile, '--interval-seconds', String(intervalSeconds), ...serving];
  const metrics = async (signal: AbortSignal) => {
    const answer = await fetch(`http://${host}:${port}/metrics`, { signal, headers: { connection: 'close' } });
    if (!answer.ok) throw new Error(`/metrics answers with status ${answer.status}`);
    return answer.text();
  };
  return {
    // A small young generation, as the program has it when it is called by its name.
    spec: { name, program: process.execPath, args: ['--max-semi-space-size=4', ...args], cwd: dir, logFile },
    stop: [{ signal: 'SIGTERM', graceMs: 5_000 }],
    readyTimeoutMs: 15_000,
    prepare: () => makePrivateFolder(dir),
    probe: async (signal) => {
      await metrics(signal);
    },
    condition: async (signal) => {
      const looks = [...(await metrics(signal)).matchAll(/^millrace_probe_up\{.*\} (\d)/gm)].map(([, up]) => up);
      return `${looks.filter((up) => up === '1').length} of ${looks.length} services looked at`;
    },
  };
}
