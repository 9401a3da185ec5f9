import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Environment } from '../../environments/schema.ts';
import { resolveSettings } from '../../environments/size.ts';
import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { aclRulesOf } from '../../runtime/src/contracts/redis-acl.ts';
import { ownedBy, type Topology } from '../../runtime/src/contracts/topology.ts';
import { builtProgram } from '../built-program.ts';
import type { Software } from '../find/index.ts';
import type { Variables } from '../find/program.ts';
import type { Hosting, HostingTls, Place, ServicePlan, ServiceRequest } from '../hosting.ts';
import { hostingOf } from '../hostings.ts';
import type { Owner } from '../local-process/launch.ts';
import { certificatesOf } from './certificates.ts';
import { readDeclared } from './declared-secrets.ts';
import type { Home } from './home.ts';

/** Servers of the process engine are for this machine alone. */
export const loopback = '127.0.0.1';

/** A declared service and how it is hosted. */
export interface HostedService {
  readonly name: string;
  readonly hosting: Hosting;
  readonly request: Pick<ServiceRequest, 'role' | 'settings'>;
  /** Apart from the request, whose change asks for a restart: `millrace apply` changes users while the server runs. */
  readonly users: ServiceRequest['users'];
}

/** What the engine is told of an environment. */
export interface DeclaredServices {
  readonly services: readonly HostedService[];
  readonly portBase: number;
  readonly tls: boolean;
}

/** The services that `only` names, all without it. @throws {MillraceError} SERVICE_UNKNOWN with the names that there are. */
export function chosen(services: readonly HostedService[], only: readonly string[] | undefined): readonly HostedService[] {
  if (only === undefined) return services;
  const names = services.map(({ name }) => name);
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length === 0) return services.filter(({ name }) => only.includes(name));
  throw new MillraceError('SERVICE_UNKNOWN', `no service is named ${unknown.join(' or ')}; choose from ${names.join(', ')}`);
}

/** @throws {MillraceError} ENVIRONMENT_INVALID when the environment has another engine. */
export function servicesOf(environment: Environment): DeclaredServices {
  const { engine, name: environmentName } = environment;
  if (engine.kind !== 'process') {
    throw new MillraceError(
      'ENVIRONMENT_INVALID',
      `environment ${environmentName} has the engine ${engine.kind}; only one with the engine process runs as local servers; ` +
        wayOut(engine.kind, environmentName),
    );
  }
  const services = Object.entries(environment.services).map(([name, service]) => ({
    ...{ name, hosting: hostingOf(service.kind) },
    request: { role: service.role, settings: resolveSettings(service, environment) },
    users: usersOf(environment.topology, name),
  }));
  return { services, portBase: engine.ports.base, tls: engine.tls };
}

function usersOf(topology: Topology, service: string): ServiceRequest['users'] {
  return ownedBy(topology.aclUsers, service).map(([name]) => ({ name, rules: aclRulesOf(topology, name) }));
}

/** Where to go with an environment that this engine does not run. */
function wayOut(engine: 'aws' | 'docker', environmentName: string): string {
  return engine === 'aws' ? `make synth ENV=${environmentName} plans it` : `make deploy ENV=${environmentName} runs it in containers`;
}

/** What plans take from the environment's folder; `up` makes what is missing, `status` only looks. */
export interface Ground {
  readonly home: Home;
  readonly environment: Environment;
  /** Where secrets of the declaration may be. */
  readonly env: Variables;
  /** The program `millrace`. @default the one of this repository */
  readonly program?: string | undefined;
  /** Whether servers speak TLS. */
  readonly tls: boolean;
  pathOf(software: Software): string;
  port(id: string, name: string): number;
  dataFolder(id: string, owner: Owner | undefined): string;
  secret(id: string): string;
}

/** A service with its processes. */
export interface Planned {
  readonly service: HostedService;
  readonly plan: ServicePlan;
}

/** The processes of all services. */
export function planServices(services: readonly HostedService[], ground: Ground): Planned[] {
  const tls = ground.tls ? hostingTls(ground.home) : undefined;
  const planned: Planned[] = [];
  const othersOf = (name: string) => (): Record<string, BoundService> =>
    Object.fromEntries(planned.flatMap(({ service, plan }) => (service.name === name ? [] : [[service.name, plan.binding]])));
  for (const service of services) planned.push({ service, plan: planService(service, ground, tls, othersOf(service.name)) });
  return planned;
}

function planService(
  { name, hosting, request, users }: HostedService,
  ground: Ground,
  tls: HostingTls | undefined,
  others: ServiceRequest['others'],
): ServicePlan {
  const { home } = ground;
  const owner = hosting.owner?.();
  return hosting.plan({
    ...request,
    ...{ name, users, owner, tls, others, host: loopback, pathOf: ground.pathOf },
    place: placesOf(ground, owner),
    secret: (id) => ({ value: ground.secret(id), ref: `secrets/${id}` }),
    read: ({ id }) => readFileSync(resolve(home.dir, id), 'utf8'),
    readDeclared: (ref) => readDeclared(ref, home, ground.env),
    ...{ environment: ground.environment, bindingFile: home.bindingFile, program: ground.program ?? builtProgram },
  });
}

/** The function gives the same place for the same id at every call. */
function placesOf(ground: Ground, owner: Owner | undefined): ServiceRequest['place'] {
  const places = new Map<string, Place>();
  return <P extends string>(id: string, ...furtherPorts: P[]): Place<P> => {
    const known = places.get(id);
    if (known !== undefined) return known as Place<P>;
    const place = {
      name: id,
      port: ground.port(id, mainPort),
      ports: Object.fromEntries(furtherPorts.map((name) => [name, ground.port(id, name)])) as Record<P, number>,
      dir: ground.dataFolder(id, owner),
      logFile: join(ground.home.logs, `${id}.log`),
    };
    places.set(id, place);
    return place;
  };
}

/** Name of the port that a server's own protocol is spoken on. */
export const mainPort = 'main';

function hostingTls(home: Home): HostingTls {
  const { caFile, issue } = certificatesOf(home);
  return {
    binding: { caRef: { from: 'file', id: relative(home.dir, caFile) } },
    serverTls: (id) => ({ caFile, issue: () => issue(id) }),
  };
}
