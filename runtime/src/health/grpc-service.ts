import type * as Grpc from '@grpc/grpc-js';
import { Pause } from '../pause.ts';
import { worst } from './check.ts';
import type { Health, HealthReport } from './health.ts';

export type ServingStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

/** Checks by the service that stands on them; undefined stands for the whole. */
export type ServiceChecks = ReadonlyMap<string, readonly string[] | undefined>;

export interface HealthServiceOptions {
  readonly health: Health;
  readonly services: ServiceChecks;
  readonly pollIntervalMs: number;
  readonly maxWatchers: number;
}

interface Request {
  readonly service: string;
}
interface Response {
  readonly status: ServingStatus;
}
type CheckCall = Grpc.ServerUnaryCall<Request, Response>;
type WatchCall = Grpc.ServerWritableStream<Request, Response>;
type ListCall = Grpc.ServerUnaryCall<object, { statuses: Record<string, Response> }>;

/** The three methods of `grpc.health.v1.Health` over one `Health`. */
export interface HealthService {
  readonly implementation: {
    check(call: CheckCall, reply: Grpc.sendUnaryData<Response>): void;
    watch(call: WatchCall): void;
    list(call: ListCall, reply: Grpc.sendUnaryData<{ statuses: Record<string, Response> }>): void;
  };
  drain(): void;
  /** Drains and ends all watches. */
  close(): void;
}

/**
 * Written by hand on the official definition: the implementation that comes with it holds statuses that someone sets, repeats unchanged ones to watchers,
 * keeps any number of those, and cannot end their streams.
 */
export function healthService({ status }: typeof Grpc, options: HealthServiceOptions): HealthService {
  const { health, services } = options;
  const watchers = new Set<Watcher>();
  const pause = new Pause();
  let draining = false;
  let polling = false;

  const statusFrom = (report: HealthReport, service: string): ServingStatus => {
    if (!services.has(service)) return 'SERVICE_UNKNOWN';
    return !draining && serves(report, services.get(service)) ? 'SERVING' : 'NOT_SERVING';
  };
  /** One loop for all watchers, which ends with the last of them. */
  const poll = async (): Promise<void> => {
    polling = true;
    while (watchers.size > 0) {
      const report = await health.report();
      for (const watcher of watchers) watcher.tell(statusFrom(report, watcher.service));
      await pause.wait(options.pollIntervalMs);
    }
    polling = false;
  };
  const drain = (): void => {
    draining = true;
    for (const watcher of watchers) if (services.has(watcher.service)) watcher.tell('NOT_SERVING');
  };
  return {
    implementation: {
      check(call, reply) {
        const { service } = call.request;
        answer(health, reply, (report) => {
          const found = statusFrom(report, service);
          if (found === 'SERVICE_UNKNOWN') throw Object.assign(new Error(unknownService(service, services)), { code: status.NOT_FOUND });
          return { status: found };
        });
      },
      list(_call, reply) {
        answer(health, reply, (report) => ({
          statuses: Object.fromEntries([...services.keys()].map((service) => [service, { status: statusFrom(report, service) }])),
        }));
      },
      watch(call) {
        if (watchers.size >= options.maxWatchers) {
          call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: `there are ${watchers.size} watchers already` });
          return;
        }
        const watcher = new Watcher(call);
        watchers.add(watcher);
        const leave = (): void => {
          watchers.delete(watcher);
          if (watchers.size === 0) pause.poke();
        };
        call.once('cancelled', leave).once('close', leave).once('finish', leave);
        if (polling) pause.poke();
        else void poll();
      },
    },
    drain,
    close() {
      drain();
      for (const { call } of watchers) call.emit('error', { code: status.UNAVAILABLE, details: 'the process is shutting down' });
      watchers.clear();
      pause.poke();
    },
  };
}

function answer<T>(health: Health, reply: Grpc.sendUnaryData<T>, form: (report: HealthReport) => T): void {
  health
    .report()
    .then(form)
    .then(
      (response) => reply(null, response),
      (error: Grpc.ServerErrorResponse) => reply(error),
    );
}

/** `degraded` serves: someone should look, but taking the process out would not help. The whole is judged by the report, which knows what is critical. */
function serves(report: HealthReport, checks: readonly string[] | undefined): boolean {
  if (checks === undefined) return report.status !== 'down';
  return worst(report.checks.filter(({ name }) => checks.includes(name)).map(({ status }) => status)) !== 'down';
}

function unknownService(service: string, services: ServiceChecks): string {
  const known = [...services.keys()].filter((name) => name !== '').join(', ');
  return `no service ${service} here; there are ${known}`;
}

/** One open stream: told of changes only, and of the latest only when its client reads slowly. */
class Watcher {
  readonly call: WatchCall;
  #told: ServingStatus | undefined;
  #waiting: ServingStatus | undefined;

  constructor(call: WatchCall) {
    this.call = call;
    call.on('drain', () => {
      if (this.#waiting !== undefined) this.tell(this.#waiting);
    });
  }

  get service(): string {
    return this.call.request.service;
  }

  tell(status: ServingStatus): void {
    this.#waiting = undefined;
    if (status === this.#told || this.call.cancelled || this.call.writableEnded) return;
    if (this.call.writableNeedDrain) {
      this.#waiting = status;
      return;
    }
    this.#told = status;
    this.call.write({ status });
  }
}
