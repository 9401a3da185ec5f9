import { statSync } from 'node:fs';
import { canonicalJson } from '../../runtime/src/contracts/canonical-json.ts';
import { builtProgram } from '../built-program.ts';
import { settleAll } from '../local-process/settle.ts';
import { sha256 } from './binding.ts';
import { stopServers } from './down.ts';
import { ensureRunning, isRunning, type PlannedService, type StartContext, type StartedServer } from './start-service.ts';

export interface Watching extends StartContext {
  /** Of the binding, which they read once. */
  readonly generation: string;
  /** The program `millrace`. @default the one of this repository */
  readonly program?: string | undefined;
}

/** Starts programs that watch the services; one that runs with another binding, other arguments or an older program than now is started again. */
export function startWatchers(
  services: readonly PlannedService[],
  { generation, program = builtProgram, ...context }: Watching,
): Promise<StartedServer[]> {
  const { state } = context;
  return settleAll(
    services.flatMap(({ service, plan }) =>
      (plan.watchers ?? []).map(async (watcher) => {
        const { kind, version, place, server } = watcher;
        const builtAtMs = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
        const settingsHash = sha256(canonicalJson({ generation, args: [...server.spec.args], builtAtMs }));
        const known = state.servers.get(place.name);
        if (isRunning(known) && known?.settingsHash !== settingsHash) await stopServers(state, { only: (id) => id === place.name });
        return ensureRunning(watcher, { service, kind, version, settingsHash }, context);
      }),
    ),
  );
}
