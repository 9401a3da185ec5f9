import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';
import type { FoundSoftware } from '../find/index.ts';
import type { PlannedServer, ProcessKind, ServicePlan } from '../hosting.ts';
import { isAlive } from '../local-process/identity.ts';
import { pollUntil, startFailure } from '../local-process/ready.ts';
import { settleAll } from '../local-process/settle.ts';
import { startServer } from '../local-process/start.ts';
import type { OnProgress } from './progress.ts';
import type { ServerRecord, State } from './state.ts';

export interface PlannedService {
  readonly service: string;
  readonly kind: ServiceKind;
  readonly found: FoundSoftware;
  /** Of role and settings as they are declared now. */
  readonly settingsHash: string;
  readonly plan: ServicePlan;
}

/** One server that runs, whether this call started it or an earlier one. */
export interface StartedServer {
  readonly id: string;
  readonly port: number;
  readonly pid: number;
  readonly started: boolean;
}

/** What is noted of a server beside its process. */
export interface Noted {
  readonly service: string;
  readonly kind: ProcessKind;
  readonly version: string;
  readonly settingsHash: string;
}

export interface StartContext {
  readonly state: State;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** A server that runs already answers at once, unless it is stopped or overloaded. */
const answerTimeoutMs = 10_000;
const finishTimeoutMs = 30_000;

/** Whether the process that we noted for this server still runs. */
export function isRunning(record: ServerRecord | undefined): boolean {
  return record?.process !== undefined && isAlive(record.process);
}

/** Starts what does not run of one service, wave by wave, and waits until the servers work together. */
export async function startService(service: PlannedService, context: StartContext): Promise<StartedServer[]> {
  const { plan, found, kind, settingsHash } = service;
  const noted = { service: service.service, kind, version: found.version, settingsHash };
  const waves = [...new Set(plan.servers.map(({ wave }) => wave))].sort((a, b) => a - b);
  const started: StartedServer[] = [];
  for (const wave of waves) {
    const servers = plan.servers.filter((server) => server.wave === wave);
    started.push(...(await settleAll(servers.map((server) => ensureRunning(server, noted, context)))));
  }
  await plan.finish?.({ timeoutMs: finishTimeoutMs, signal: context.signal });
  return started;
}

/** Starts the server unless it runs; one that runs must answer. */
export async function ensureRunning(planned: PlannedServer, noted: Noted, context: StartContext): Promise<StartedServer> {
  const { state, onProgress, signal } = context;
  const { name: id, port } = planned.place;
  const startedAt = Date.now();
  const known = state.servers.get(id);
  const started = !isRunning(known);
  if (started) await start(planned, noted, context);
  else await requireAnswer(planned, known!, signal);
  const { kind, version, settingsHash, process } = state.servers.get(id)!;
  const now = started ? 'ready' : settingsHash === noted.settingsHash ? 'running' : 'outdated';
  onProgress({ event: 'server', server: id, kind, port, version, state: now, elapsedMs: Date.now() - startedAt });
  return { id, port, pid: process!.pid, started };
}

async function start({ place, wave, server }: PlannedServer, noted: Noted, context: StartContext): Promise<void> {
  const { state, signal } = context;
  const { name: id, port, ports, dir, logFile } = place;
  state.put(id, {
    ...noted,
    port,
    ports,
    dir,
    logFile,
    wave,
    stop: [...server.stop],
    program: server.spec.program,
  });
  try {
    await startServer(server, { signal, onLaunched: (launched) => state.setProcess(id, launched) });
  } catch (error) {
    state.setProcess(id, undefined);
    throw error;
  }
}

async function requireAnswer({ place, server }: PlannedServer, { process }: ServerRecord, signal: AbortSignal): Promise<void> {
  const silence = await pollUntil(server.probe, { timeoutMs: answerTimeoutMs, signal });
  if (silence === undefined) return;
  const what = `runs as process ${process?.pid} but does not answer; end it with \`kill -9 ${process?.pid}\`, then run \`up\` again`;
  throw startFailure(place, what, silence);
}
