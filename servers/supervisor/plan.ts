import { join } from 'node:path';
import type { Environment } from '../../environments/schema.ts';
import { resolveSettings } from '../../environments/size.ts';
import type { ServiceKind } from '../../runtime/src/contracts/binding.ts';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import type { Hosting, Place, ServicePlan, ServiceRequest } from '../hosting.ts';
import { hostingOf } from '../hostings.ts';
import type { Owner } from '../local-process/launch.ts';
import type { Home } from './home.ts';

/** Servers of the process engine are for this machine alone. */
export const loopback = '127.0.0.1';

/** A declared service that this engine can host. */
export interface HostedService {
  readonly name: string;
  readonly hosting: Hosting;
  readonly request: Pick<ServiceRequest, 'role' | 'settings'>;
}

/** A declared service whose kind this engine cannot host yet. */
export interface LeftOut {
  readonly service: string;
  readonly kind: ServiceKind;
}

/**
 * The declared services by whether they can be hosted.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID when the environment has another engine.
 */
export function servicesOf(environment: Environment): { hosted: HostedService[]; leftOut: LeftOut[]; portBase: number } {
  const { engine, name: environmentName } = environment;
  if (engine.kind !== 'process') {
    throw new MillraceError(
      'ENVIRONMENT_INVALID',
      `environment ${environmentName} has the engine ${engine.kind}; only one with the engine process runs as local servers; ` +
        wayOut(engine.kind, environmentName),
    );
  }
  const hosted: HostedService[] = [];
  const leftOut: LeftOut[] = [];
  for (const [name, service] of Object.entries(environment.services)) {
    const hosting = hostingOf(service.kind);
    if (hosting === undefined) leftOut.push({ service: name, kind: service.kind });
    else hosted.push({ name, hosting, request: { role: service.role, settings: resolveSettings(service, environment) } });
  }
  return { hosted, leftOut, portBase: engine.ports.base };
}

/** Where to go with an environment that this engine does not run. */
function wayOut(engine: 'aws' | 'docker', environmentName: string): string {
  return engine === 'aws' ? `make synth ENV=${environmentName} plans it` : 'that engine is not built yet, use ENV=local';
}

/** What a plan takes from the environment's folder; `up` makes what is missing, `status` only looks. */
export interface Ground {
  readonly home: Home;
  program(hosting: Hosting): string;
  port(id: string): number;
  dataFolder(id: string, owner: Owner | undefined): string;
  secret(id: string): string;
}

/** The processes of one service. */
export function planService({ name, hosting, request }: HostedService, ground: Ground): ServicePlan {
  const { home } = ground;
  const places = new Map<string, Place>();
  const owner = hosting.owner?.();
  return hosting.plan({
    ...request,
    ...{ name, owner, host: loopback, program: ground.program(hosting) },
    place: (id) => {
      const known = places.get(id);
      if (known !== undefined) return known;
      const place = { name: id, port: ground.port(id), dir: ground.dataFolder(id, owner), logFile: join(home.logs, `${id}.log`) };
      places.set(id, place);
      return place;
    },
    secret: (id) => ({ value: ground.secret(id), ref: `secrets/${id}` }),
  });
}
