import { createServer } from 'node:net';
import type * as Grpc from '@grpc/grpc-js';
import { once, settledWithin } from '../connections/once.ts';
import { loadPeer } from '../connections/peer.ts';
import { MillraceError } from '../contracts/errors.ts';
import { type HealthService, healthService, type ServiceChecks } from './grpc-service.ts';
import type { Health } from './health.ts';

export interface GrpcHealthOptions {
  readonly health: Health;
  /** Names of checks by gRPC service: a service is `NOT_SERVING` when any of its checks is down. @default none besides one service a check, of its name */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** Pause between looks while someone watches; nothing is looked at otherwise. @default 1_000 */
  readonly pollIntervalMs?: number;
  /** Open `Watch` calls; further ones get `RESOURCE_EXHAUSTED`. @default 100 */
  readonly maxWatchers?: number;
}

export interface GrpcHealth {
  /** From now on every service is `NOT_SERVING`, and watchers are told at once; call it first of all when shutting down. */
  drain(): void;
  /** Drains and ends all `Watch` calls with `UNAVAILABLE`; do so before the server's own shutdown, which waits for them. */
  close(): void;
}

export interface GrpcHealthServerOptions extends GrpcHealthOptions {
  /** 0 takes any free one. @default 9001 */
  readonly port?: number;
  /** Address to listen on. @default '0.0.0.0' */
  readonly host?: string;
  /** Certificates of the server. @default plain text */
  readonly serverCredentials?: Grpc.ServerCredentials;
  /** Silence of a client after which it is asked for a sign of life, and cut off when none comes in as long again. @default 20_000 */
  readonly keepAliveMs?: number;
  /** Time that clients get to leave in `close()`. @default 2_000 */
  readonly closeTimeoutMs?: number;
}

export interface GrpcHealthServer extends AsyncDisposable {
  readonly port: number;
  /** From now on every service is `NOT_SERVING`, and watchers are told at once; call it first of all when shutting down. */
  drain(): void;
  close(): Promise<void>;
}

/**
 * Adds `grpc.health.v1.Health` (Check, List and Watch) to a server of your own.
 *
 * The empty service name is the whole; besides there is one service a check, and those of `services`. `degraded` counts as `SERVING`. A change reaches a
 * watcher within `pollIntervalMs` and the `cacheMs` of `health`.
 *
 * @throws {RangeError} when a service names a check that does not exist.
 * @throws {MillraceError} CLIENT_NOT_INSTALLED without `@grpc/grpc-js` or `grpc-health-check`.
 * @example
 * const grpcHealth = await addGrpcHealth(server, { health });
 * process.once('SIGTERM', () => { grpcHealth.close(); server.tryShutdown(() => process.exit()); });
 */
export async function addGrpcHealth(server: Pick<Grpc.Server, 'addService'>, options: GrpcHealthOptions): Promise<GrpcHealth> {
  const [grpc, { service }] = await Promise.all([
    loadPeer('@grpc/grpc-js', () => import('@grpc/grpc-js')),
    loadPeer('grpc-health-check', () => import('grpc-health-check')),
  ]);
  const implemented: HealthService = healthService(grpc, {
    health: options.health,
    services: await servicesOf(options),
    pollIntervalMs: options.pollIntervalMs ?? 1_000,
    maxWatchers: options.maxWatchers ?? 100,
  });
  server.addService(service, { ...implemented.implementation });
  return { drain: implemented.drain, close: implemented.close };
}

/**
 * Serves `grpc.health.v1.Health` on a port of its own.
 *
 * @throws {MillraceError} PORT_IN_USE; CLIENT_NOT_INSTALLED without `@grpc/grpc-js` or `grpc-health-check`.
 * @throws {RangeError} when a service names a check that does not exist.
 * @example
 * const server = await startGrpcHealth({ health, services: { 'orders.v1.Orders': ['database', 'events'] } });
 * process.once('SIGTERM', () => server.drain());
 */
export async function startGrpcHealth(options: GrpcHealthServerOptions): Promise<GrpcHealthServer> {
  const grpc = await loadPeer('@grpc/grpc-js', () => import('@grpc/grpc-js'));
  const keepAliveMs = options.keepAliveMs ?? 20_000;
  const server = new grpc.Server({ 'grpc.keepalive_time_ms': keepAliveMs, 'grpc.keepalive_timeout_ms': keepAliveMs });
  const added = await addGrpcHealth(server, options);
  const credentials = options.serverCredentials ?? grpc.ServerCredentials.createInsecure();
  const port = await listen(server, options.host ?? '0.0.0.0', options.port ?? 9001, credentials);
  const close = once(async () => {
    added.close();
    const left = new Promise<void>((resolve) => {
      server.tryShutdown(() => resolve());
    });
    if (!(await settledWithin(left, options.closeTimeoutMs ?? 2_000))) server.forceShutdown();
  });
  return { port, drain: added.drain, close, [Symbol.asyncDispose]: close };
}

/** The whole stands on what the report says of it, whichever checks it has. */
async function servicesOf({ health, services = {} }: GrpcHealthOptions): Promise<ServiceChecks> {
  const { checks } = await health.report();
  const names = checks.map(({ name }) => name);
  for (const [service, wanted] of Object.entries(services)) {
    const missing = wanted.find((name) => !names.includes(name));
    if (missing === undefined) continue;
    throw new RangeError(`gRPC service ${service} stands on check ${missing}, which does not exist; the checks are ${names.join(', ')}`);
  }
  return new Map([['', undefined], ...names.map((name) => [name, [name]] as const), ...Object.entries(services)]);
}

async function listen(server: Grpc.Server, host: string, port: number, credentials: Grpc.ServerCredentials): Promise<number> {
  if (port !== 0) await requireFree(host, port);
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
}

/** Tries the port in plain TCP: the library has the reason of a failure in its text only, and prints it to the console. */
function requireFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = `port ${port} on ${host} is taken; give startGrpcHealth another port, 0 for any free one`;
      reject(cause.code === 'EADDRINUSE' ? new MillraceError('PORT_IN_USE', taken, { cause }) : cause);
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}
