import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MillraceError } from '../contracts/errors.ts';
import type { Beacon } from './beacons.ts';
import { healthBody, healthMediaType, plainBody } from './body.ts';
import type { Health } from './health.ts';
import type { MetricsRegistry } from './metrics.ts';

export interface HealthServerOptions {
  readonly health: Health;
  /** 0 takes any free one. @default 9000 */
  readonly port?: number;
  /** Address to listen on; the answers name hosts, so publish it to the orchestrator only. @default '0.0.0.0' */
  readonly host?: string;
  /** Loops whose silence makes `/live` fail. @default none */
  readonly beacons?: readonly Beacon[];
  /** Whose metrics `/metrics` gives besides the health; a `Registry` of prom-client fits. @default none */
  readonly registry?: MetricsRegistry;
}

export interface HealthServer extends AsyncDisposable {
  readonly port: number;
  /** From now on `/ready` is 503, so that no new work is sent here; call it first of all when shutting down. */
  drain(): void;
  close(): Promise<void>;
}

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly text: string;
}

/**
 * Serves `/live`, `/ready`, `/startup` and `/metrics`.
 *
 * `/live` looks at this process alone (beacons; answering at all shows that the event loop turns): a dependency that is away must not get a process
 * restarted. `/ready` is 200 for `up` and `degraded`. `/startup` is 503 until no critical check was down once.
 *
 * @throws {MillraceError} PORT_IN_USE
 * @example
 * const server = await startHealthServer({ health, port: 9000 });
 * process.once('SIGTERM', () => server.drain());
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const state = { draining: false, started: false };
  const server = createServer((request, response) => {
    answer(request, options, state).then(
      (given) => send(request, response, given),
      (error: unknown) => send(request, response, json(500, plainBody('fail', error instanceof Error ? error.message : String(error)))),
    );
  });
  await listen(server, options.port ?? 9000, options.host ?? '0.0.0.0');
  const close = (): Promise<void> => closeServer(server);
  return {
    port: (server.address() as AddressInfo).port,
    drain() {
      state.draining = true;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function answer(
  request: IncomingMessage,
  options: HealthServerOptions,
  state: { draining: boolean; started: boolean },
): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, plainBody('fail', 'use GET or HEAD'));
  switch (request.url?.split('?', 1)[0]) {
    case '/live':
      return live(options.beacons ?? []);
    case '/ready':
      return state.draining ? json(503, plainBody('fail', 'the process is shutting down')) : ready(options.health);
    case '/startup':
      return startup(options.health, state);
    case '/metrics':
      return metrics(options);
    default:
      return json(404, plainBody('fail', 'known paths are /live, /ready, /startup and /metrics'));
  }
}

function live(beacons: readonly Beacon[]): Answer {
  const silent = beacons.filter((beacon) => beacon.silentForMs() > beacon.maxSilenceMs);
  if (silent.length === 0) return json(200, plainBody('pass'));
  const which = silent.map((beacon) => `${beacon.name} has not moved for ${Math.round(beacon.silentForMs())} ms`).join('; ');
  return json(503, plainBody('fail', which));
}

async function ready(health: Health): Promise<Answer> {
  const report = await health.report();
  return json(report.status === 'down' ? 503 : 200, healthBody(report));
}

async function startup(health: Health, state: { started: boolean }): Promise<Answer> {
  if (state.started) return json(200, plainBody('pass'));
  const report = await health.report();
  state.started = report.status !== 'down';
  return json(state.started ? 200 : 503, healthBody(report));
}

async function metrics({ health, registry }: HealthServerOptions): Promise<Answer> {
  // Loaded where somebody asks for it: the package is small for those who start fast.
  const { metricsText } = await import('./metrics.ts');
  const { type, text } = await metricsText(await health.report(), registry);
  return { code: 200, type, text };
}

function json(code: number, body: Record<string, unknown>): Answer {
  return { code, type: healthMediaType, text: JSON.stringify(body) };
}

function send(request: IncomingMessage, response: ServerResponse, { code, type, text }: Answer): void {
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const taken = new MillraceError(
        'PORT_IN_USE',
        `port ${port} on ${host} is taken; give startHealthServer another port, 0 for any free one`,
        { cause },
      );
      reject(cause.code === 'EADDRINUSE' ? taken : cause);
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/** How long an answer under way, or a connection that has asked for nothing yet, may keep the server. */
const closeGraceMs = 1_000;

/** Probes keep their connections alive; those that wait for nothing are cut at once, the others a second later. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
