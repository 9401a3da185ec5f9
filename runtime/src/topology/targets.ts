import type { LoadedBinding, ServiceHandle } from '../binding/index.ts';
import type { DrivenKind } from '../contracts/object-names.ts';
import { servicesOf, type Topology } from '../contracts/topology.ts';
import type { OpenDriver } from './driver.ts';
import { drivers } from './drivers/index.ts';

const drivenKinds = Object.keys(drivers) as DrivenKind[];

/** Connects with the driver of the service's kind, whose module is loaded here and no earlier. */
export const openDriverOf: OpenDriver = async (context) => {
  const open = await drivers[context.service.service.kind as DrivenKind]();
  return open(context);
};

export interface Targets {
  readonly services: readonly ServiceHandle[];
  /** Named by the topology, not by the binding. */
  readonly unbound: readonly string[];
}

/**
 * The services whose objects are to be looked at: bound, of a kind that has a driver, and with objects in the topology.
 *
 * @param only of these services.
 * @throws {MillraceError} BINDING_NAME_UNKNOWN when `only` names others.
 */
export function targetsOf(binding: LoadedBinding, topology: Topology, only: readonly string[] | undefined): Targets {
  for (const name of only ?? []) binding.service(name, ...drivenKinds);
  const wanted = servicesOf(topology).filter((name) => only === undefined || only.includes(name));
  const bound = wanted.filter((name) => binding.names.includes(name));
  return {
    services: bound.map((name) => binding.service(name, ...drivenKinds)),
    unbound: wanted.filter((name) => !bound.includes(name)),
  };
}
