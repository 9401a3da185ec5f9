import { join } from 'node:path';
import { requireSoundAlerts } from '../../alerts/check.ts';
import type { Environment } from '../../environments/schema.ts';
import { canonicalJson } from '../../runtime/src/contracts/canonical-json.ts';
import { findSoftware } from '../find/index.ts';
import type { Variables } from '../find/program.ts';
import { type Applied, applyTopology, requireProgram } from './apply.ts';
import { sha256, writeBinding } from './binding.ts';
import { writeDashboards } from './dashboards.ts';
import { chooseDataFolder, removeOutside } from './data-folders.ts';
import { stopServers } from './down.ts';
import { type Home, homeOf, isNewHome, makeHome, removeHome } from './home.ts';
import { lockHome } from './lock.ts';
import { chosen, type DeclaredServices, type HostedService, loopback, mainPort, planServices, servicesOf } from './plan.ts';
import { portsFrom, requireFreePorts } from './ports.ts';
import type { OnProgress } from './progress.ts';
import { secretOf } from './secrets.ts';
import { isRunning, type PlannedService, type StartedServer, startService } from './start-service.ts';
import { startWatchers } from './start-watchers.ts';
import { openState, type State } from './state.ts';

export interface UpOptions {
  /** Services to start; what runs of the others goes on, and stays in the binding. @default all */
  readonly only?: readonly string[] | undefined;
  /** Folder of this environment's state, logs and data. @default MILLRACE_STATE_DIR, else .millrace/ENV in the current folder */
  readonly stateDir?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Aborting it stops what this call has started; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** @default process.env */
  readonly env?: Variables | undefined;
  /** Program that Debian asks before it starts a daemon. @default /usr/sbin/policy-rc.d */
  readonly policyFile?: string | undefined;
  /** Whether the topology is applied to what runs. @default true */
  readonly apply?: boolean | undefined;
  /** Program `millrace` that applies it, and probes the services. @default runtime/dist/cli/main.js of this repository */
  readonly program?: string | undefined;
}

export interface UpResult {
  readonly environment: string;
  readonly bindingFile: string;
  readonly generation: string;
  /** What became of the topology; absent when it has no objects, or was not to be applied. */
  readonly applied?: Applied | undefined;
  /** Folder of dashboards for Grafana; absent without Prometheus. */
  readonly dashboards?: string | undefined;
  readonly servers: readonly StartedServer[];
  /** Until the servers were ready. */
  readonly elapsedMs: number;
}

/**
 * Starts every server of the environment that does not run yet, writes the binding, applies the topology to what runs, and starts the probe beside Prometheus.
 *
 * All or nothing: when a server fails or `signal` aborts, those that this call started are stopped again, and an environment that was new is removed. When
 * the servers run and the topology could not be applied, they go on, and the result says so.
 *
 * @throws {MillraceError} SERVER_NOT_FOUND, SERVER_START_FAILED, PORT_IN_USE, STATE_LOCKED, STATE_CORRUPT, STATE_UNWRITABLE, RUNTIME_NOT_BUILT, SECRET_UNAVAILABLE or ENVIRONMENT_INVALID
 */
export async function up(environment: Environment, options: UpOptions = {}): Promise<UpResult> {
  const startedAt = Date.now();
  const { signal, stateDir, env = process.env } = options;
  const declared = servicesOf(environment);
  const wanted = chosen(declared.services, options.only);
  signal?.throwIfAborted();
  requireSoundAlerts(environment);
  const { topology } = environment;
  const { apply: applies = true, program } = options;
  requireProgram({ topology: applies ? topology : undefined, probes: wanted.some(isPrometheus), program });
  const home = homeOf(environment.name, stateDir, env);
  const unlock = lockHome(home, environment.name);
  try {
    const isNew = isNewHome(home);
    const state = openState(home, environment.name);
    const before = runningServers(state);
    try {
      makeHome(home);
      const services = declared.services.filter((service) => wanted.includes(service) || runs(service.name, state));
      const { servers, generation, plans } = await bringUp(environment, { ...declared, services }, home, state, { ...options, env });
      const result = { environment: environment.name, bindingFile: home.bindingFile, generation, elapsedMs: Date.now() - startedAt };
      const watched = services.some(isPrometheus);
      if (watched) writeDashboards(home, environment);
      const applied = applies ? await apply(environment, home, options) : undefined;
      const watchers = await startWatchers(plans, { generation, program, state, ...watching(options) });
      const dashboards = watched ? home.dashboards : undefined;
      return { ...result, applied, dashboards, servers: [...servers, ...watchers] };
    } catch (error) {
      const reason: unknown = signal?.aborted ? signal.reason : error;
      await undo(home, state, before, isNew, reason);
      throw reason;
    }
  } finally {
    unlock();
  }
}

function apply({ topology }: Environment, { bindingFile }: Home, { program, signal, onProgress = () => {} }: UpOptions) {
  return applyTopology({ topology, bindingFile, program, signal, onProgress });
}

function isPrometheus({ hosting }: HostedService): boolean {
  return hosting.kind === 'prometheus';
}

function watching({ onProgress = () => {}, signal = new AbortController().signal }: UpOptions) {
  return { onProgress, signal };
}

function runs(service: string, { servers }: State): boolean {
  return [...servers.values()].some((record) => record.service === service && isRunning(record));
}

function runningServers(state: State): Set<string> {
  return new Set([...state.servers].filter(([, record]) => isRunning(record)).map(([id]) => id));
}

/** Stops what this call has started. That this fails too must not hide why it is done, nor the other way round. */
async function undo(home: Home, state: State, before: ReadonlySet<string>, isNew: boolean, reason: unknown): Promise<void> {
  try {
    await stopServers(state, { only: (id) => !before.has(id) });
    if (!isNew) return;
    for (const { dir } of state.servers.values()) removeOutside(home, dir);
    removeHome(home);
  } catch (error) {
    throw new AggregateError([reason, error], `${messageOf(reason)}; then what had been started could not be undone: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Started = Pick<UpResult, 'servers' | 'generation'> & { readonly plans: readonly PlannedService[] };

async function bringUp(
  environment: Environment,
  declared: DeclaredServices,
  home: Home,
  state: State,
  options: UpOptions & { env: Variables },
): Promise<Started> {
  const { onProgress = () => {}, signal } = options;
  const plans = await plan(declared, environment, home, state, { ...options, onProgress });
  const planned = plans.flatMap(({ plan: { servers, watchers = [] } }) => [...servers, ...watchers]);
  await stopUndeclared(state, new Set(planned.map(({ place }) => place.name)), onProgress);
  const toStart = planned.filter(({ place }) => !isRunning(state.servers.get(place.name)));
  await requireFreePorts(
    loopback,
    toStart.flatMap(({ place: { name, port, ports } }) => [
      { name, port },
      ...Object.entries(ports).map(([what, further]) => ({ name: `${name} (${what})`, port: further })),
    ]),
  );
  const servers = await allUntilOneFails(plans, signal, (service, both) => startService(service, { state, onProgress, signal: both }));
  signal?.throwIfAborted();
  const fragment = Object.fromEntries(plans.map((service) => [service.service, service.plan.binding]));
  return { servers: servers.flat(), generation: writeBinding(home, environment, fragment).generation, plans };
}

/** The services with their software found, installed or fetched, and ports, a folder and passwords for every server. */
async function plan(
  { services, portBase, tls }: DeclaredServices,
  environment: Environment,
  home: Home,
  state: State,
  { env, signal, policyFile, program, onProgress }: UpOptions & { env: Variables; onProgress: OnProgress },
): Promise<PlannedService[]> {
  const software = await findSoftware(
    services.flatMap(({ hosting }) => hosting.software),
    {
      ...{ env, cwd: home.dir, installLog: join(home.logs, 'install.log'), signal, policyFile },
      onInstall: (packages) => onProgress({ event: 'install', packages }),
      onFetch: (progress) => onProgress({ event: 'fetch', ...progress }),
      onImage: (taken) => onProgress({ event: 'image', ...taken }),
      containers: { programs: home.programs, state: home.dir },
    },
  );
  const plans = planServices(services, {
    ...{ home, environment, env, program, tls },
    pathOf: (wanted) => software.get(wanted)!.path,
    port: portsOf(state, portBase),
    dataFolder: (id, owner) => state.servers.get(id)?.dir ?? chooseDataFolder(home, id, owner),
    secret: (id) => secretOf(home, id),
  });
  return plans.map(({ service, plan }) => ({
    ...{ service: service.name, kind: service.hosting.kind, found: software.get(service.hosting.software[0])!, plan },
    settingsHash: sha256(canonicalJson({ ...service.request, tls })),
  }));
}

/** The ports that servers had before, and new ones for the others. */
function portsOf({ servers }: State, base: number): (id: string, name: string) => number {
  const known = (id: string, name: string) => (name === mainPort ? servers.get(id)?.port : servers.get(id)?.ports[name]);
  const next = portsFrom(
    base,
    [...servers.values()].flatMap(({ port, ports }) => [port, ...Object.values(ports)]),
  );
  return (id, name) => known(id, name) ?? next();
}

/** Servers that the declaration no longer has would keep ports, and memory, for nobody. Their data stays until `down --wipe`. */
async function stopUndeclared(state: State, declared: ReadonlySet<string>, onProgress: OnProgress): Promise<void> {
  const running = [...state.servers].filter(([id, record]) => !declared.has(id) && record.process !== undefined);
  await stopServers(state, { only: (id) => !declared.has(id) });
  for (const [id, { kind, port, version }] of running) {
    onProgress({ event: 'server', server: id, kind, state: 'undeclared', port, version, elapsedMs: 0 });
  }
}

/** Runs all at once; the first failure aborts the others, and is thrown when all have come to their end. */
async function allUntilOneFails<T, R>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  run: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failure = new AbortController();
  const both = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const runs = items.map(async (item) => {
    try {
      return await run(item, both);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(runs);
  if (failure.signal.aborted) throw failure.signal.reason;
  return Promise.all(runs);
}
