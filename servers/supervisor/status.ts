import { existsSync } from 'node:fs';
import type { Environment } from '../../environments/schema.ts';
import type { Variables } from '../find/program.ts';
import type { PlannedServer, ProcessKind } from '../hosting.ts';
import { memoryOf } from '../local-process/memory.ts';
import { pollUntil } from '../local-process/ready.ts';
import { homeOf } from './home.ts';
import { chosen, mainPort, planServices, servicesOf } from './plan.ts';
import { knownSecret } from './secrets.ts';
import { isRunning } from './start-service.ts';
import { openState, type State } from './state.ts';

export interface StatusOptions {
  /** Services to look at. @default all */
  readonly only?: readonly string[] | undefined;
  /** Folder of this environment's state, logs and data. @default MILLRACE_STATE_DIR, else .millrace/ENV in the current folder */
  readonly stateDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** @default process.env */
  readonly env?: Variables | undefined;
}

export interface ServerStatus {
  readonly id: string;
  readonly service: string;
  readonly kind: ProcessKind;
  /** `silent`: the process runs and does not answer. */
  readonly state: 'up' | 'down' | 'silent';
  readonly port?: number;
  readonly pid?: number;
  readonly version?: string;
  /** Of the process and those that it started; memory that several share is counted once. */
  readonly memoryMiB?: number;
  /** What the server says of itself: `master`, `green`. */
  readonly condition?: string;
}

export interface StatusResult {
  readonly environment: string;
  /** Whether every declared server is up. */
  readonly ok: boolean;
  readonly servers: readonly ServerStatus[];
  /** Absent before the first `up`. */
  readonly bindingFile?: string;
}

const answerTimeoutMs = 2_000;

/** Says which of the declared servers run and answer; changes nothing. @throws {MillraceError} STATE_CORRUPT, STATE_FOREIGN or SERVICE_UNKNOWN */
export async function status(
  environment: Environment,
  { only, stateDir, signal, env = process.env }: StatusOptions = {},
): Promise<StatusResult> {
  const declared = servicesOf(environment);
  const services = chosen(declared.services, only);
  const home = homeOf(environment.name, stateDir, env);
  const state = openState(home, environment.name);
  const plans = planServices(services, {
    ...{ home, environment, env, tls: declared.tls },
    pathOf: () => '',
    port: (id, name) => (name === mainPort ? state.servers.get(id)?.port : state.servers.get(id)?.ports[name]) ?? 0,
    dataFolder: (id) => state.servers.get(id)?.dir ?? '',
    secret: (id) => knownSecret(home.secrets, id) ?? '',
  });
  const servers = await Promise.all(
    plans.flatMap(({ service: { name, hosting }, plan }) => [
      ...plan.servers.map((server) => statusOf(server, { service: name, kind: hosting.kind }, state, signal)),
      ...(plan.watchers ?? []).map((watcher) => statusOf(watcher, { service: name, kind: watcher.kind }, state, signal)),
    ]),
  );
  return {
    ...{ environment: environment.name, ok: servers.every((server) => server.state === 'up'), servers },
    ...(existsSync(home.bindingFile) ? { bindingFile: home.bindingFile } : {}),
  };
}

async function statusOf(
  { place, server }: PlannedServer,
  whose: Pick<ServerStatus, 'service' | 'kind'>,
  state: State,
  signal: AbortSignal | undefined,
): Promise<ServerStatus> {
  const common = { id: place.name, ...whose };
  const record = state.servers.get(place.name);
  if (record === undefined) return { ...common, state: 'down' };
  const { port, version, process } = record;
  if (process === undefined || !isRunning(record)) return { ...common, state: 'down', port, version };
  const memoryMiB = memoryOf(process.pid, record.program);
  const known = { ...common, port, version, pid: process.pid, ...(memoryMiB === undefined ? {} : { memoryMiB }) };
  const silence = await pollUntil(server.probe, { timeoutMs: answerTimeoutMs, signal });
  if (silence !== undefined) return { ...known, state: 'silent' };
  const condition = await server.condition?.(AbortSignal.timeout(answerTimeoutMs)).catch(reasonOf);
  return { ...known, state: 'up', ...(condition === undefined ? {} : { condition }) };
}

/** A server that answers a probe and not this is not well, and why is what there is to say. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
