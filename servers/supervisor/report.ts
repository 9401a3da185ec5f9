import { isAbsolute, relative } from 'node:path';
import type { Applied } from './apply.ts';
import type { DownResult } from './down.ts';
import type { Progress } from './progress.ts';
import type { ServerStatus, StatusResult } from './status.ts';
import type { UpResult } from './up.ts';

type Result = UpResult | DownResult | StatusResult;
type Colour = 'green' | 'yellow' | 'red' | 'dim';

const escapes: Readonly<Record<Colour, string>> = { green: '32', yellow: '33', red: '31', dim: '2' };
const colourOf: Readonly<Record<string, Colour>> = {
  ...{ ready: 'green', running: 'green', up: 'green', stopped: 'dim', undeclared: 'yellow', gone: 'yellow', outdated: 'yellow' },
  ...{ killed: 'yellow', silent: 'red', down: 'red' },
};

/** Prints progress, result and failure: lines for people, colours only on a terminal, or one JSON document. */
export class Reporter {
  private readonly json: boolean;
  private readonly out: NodeJS.WriteStream;

  constructor(json: boolean) {
    this.json = json;
    this.out = json ? process.stderr : process.stdout;
  }

  readonly progress = (progress: Progress): void => {
    this.out.write(`${this.progressLine(progress)}\n`);
  };

  result(result: Result): void {
    if (this.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else process.stdout.write(`${this.resultLines(result).join('\n')}\n`);
  }

  failure(error: unknown): void {
    const { code, message } = error as { code?: string; message?: string };
    if (this.json) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
    process.stderr.write(`${this.paint('red', code ?? 'failed')}: ${message ?? String(error)}\n`);
  }

  /** Where an error comes from that nobody foresaw. */
  trace(error: unknown): void {
    if (error instanceof Error && error.stack !== undefined) process.stderr.write(`${this.paint('dim', error.stack)}\n`);
  }

  private progressLine(progress: Progress): string {
    switch (progress.event) {
      case 'install':
        return `installing ${progress.packages.join(' and ')} with apt-get (their own daemons are not started)`;
      case 'fetch':
        return `fetching ${progress.title} with Maven, once: ${progress.megabytes} MB, ${(progress.elapsedMs / 1_000).toFixed(0)} s${progress.done ? ', done' : ''}`;
      case 'image':
        return `taking ${progress.title} from the image ${progress.image} of Docker`;
      case 'apply':
        return progress.line;
      case 'server':
        return this.serverLine(
          { ...progress, id: progress.server },
          `${(progress.elapsedMs / 1_000).toFixed(1)} s${remarkOn(progress.state)}`,
        );
    }
  }

  private serverLine(server: { id: string; kind: string; state: string; port?: number; version?: string }, last: string): string {
    const { id, kind, state, port, version } = server;
    const address = port === undefined ? '' : `127.0.0.1:${port}`;
    const columns = [id.padEnd(18), `${kind} ${version ?? ''}`.padEnd(22), address.padEnd(15)];
    return `${columns.join(' ')} ${this.paint(colourOf[state] ?? 'dim', state.padEnd(10))} ${last}`.trimEnd();
  }

  private resultLines(result: Result): string[] {
    if ('bindingFile' in result && 'elapsedMs' in result) return this.upLines(result);
    if ('stopped' in result) return this.downLines(result);
    return this.statusLines(result);
  }

  private upLines({ environment, servers, bindingFile, elapsedMs, applied, dashboards }: UpResult): string[] {
    const started = servers.filter((server) => server.started).length;
    const what = started === 0 ? `all ${servers.length} servers ran already` : `${started} of ${servers.length} servers started`;
    return [
      `${environment}: ${what} in ${(elapsedMs / 1_000).toFixed(1)} s; services find them by MILLRACE_BINDING=${fromHere(bindingFile)}`,
      ...(dashboards === undefined ? [] : [`${environment}: dashboards for Grafana are in ${fromHere(dashboards)}`]),
      ...(applied === undefined || applied.exitCode === 0 ? [] : [this.topologyLine(applied)]),
    ];
  }

  private topologyLine({ exitCode, services, command }: Applied): string {
    const open = services.filter(({ status }) => status !== 'as-declared' && status !== 'applied').map(({ service }) => service);
    const where = open.length === 0 ? '' : ` on ${open.join(', ')}`;
    const again = command.map(fromHere).join(' ');
    return exitCode === 2
      ? this.paint('yellow', `the servers run; of the topology some changes${where} wait for you, see above: ${again} --allow-destroy NAME`)
      : this.paint('red', `the servers run; the topology is not in place${where}, see above; to go on with it: ${again}`);
  }

  private downLines({ environment, stopped, wiped, elapsedMs }: DownResult): string[] {
    const what = stopped.length === 0 ? 'nothing ran' : `${stopped.length} servers stopped in ${(elapsedMs / 1_000).toFixed(1)} s`;
    return [`${environment}: ${what}${wiped ? ', their data removed' : ''}`];
  }

  private statusLines({ environment, servers, ok, bindingFile }: StatusResult): string[] {
    const line = (server: ServerStatus) => this.serverLine(server, detailsOf(server));
    const memoryMiB = servers.reduce((sum, server) => sum + (server.memoryMiB ?? 0), 0);
    const up = servers.filter(({ state }) => state === 'up').length;
    const binding = bindingFile === undefined ? '' : `; MILLRACE_BINDING=${fromHere(bindingFile)}`;
    return [
      ...servers.map(line),
      `${environment}: ${ok ? 'all' : `${up} of`} ${servers.length} servers are up with ${memoryMiB} MiB${binding}`,
      ...this.waysOut(servers),
    ];
  }

  private waysOut(servers: readonly ServerStatus[]): string[] {
    const silent = servers.filter(({ state }) => state === 'silent').map(({ pid }) => pid);
    return [
      ...(silent.length === 0
        ? []
        : [`silent: the process runs and does not answer; end it with kill -9 ${silent.join(' ')}, then run up again`]),
      ...(servers.some(({ state }) => state === 'down') ? ['down: up starts it'] : []),
    ];
  }

  private paint(colour: Colour, text: string): string {
    return this.out.isTTY && !process.env.NO_COLOR ? `\u001b[${escapes[colour]}m${text}\u001b[0m` : text;
  }
}

function detailsOf({ pid, memoryMiB, condition }: ServerStatus): string {
  const memory = memoryMiB === undefined ? '' : `${memoryMiB} MiB`;
  return pid === undefined ? '' : [memory.padStart(8), `pid ${pid}`.padEnd(11), condition ?? ''].join('  ').trimEnd();
}

function remarkOn(state: string): string {
  return state === 'outdated' ? ' (its settings have changed since: `down`, then `up` applies them)' : '';
}

/** The shorter way of writing the path; what is none stays as it is. */
function fromHere(path: string): string {
  if (!isAbsolute(path)) return path;
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
