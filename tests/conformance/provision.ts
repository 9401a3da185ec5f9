import { type LoadedBinding, type ServiceHandle, wrap } from '../../runtime/src/binding/index.ts';
import type { Topology } from '../../runtime/src/contracts/topology.ts';
import { applyTopology } from '../../runtime/src/topology/apply.ts';

/** Does what `millrace apply` does, and takes nothing less than a server that is as declared. */
export async function provisionOn(handle: ServiceHandle, topology: Topology): Promise<void> {
  const binding: LoadedBinding = { ...wrap({ [handle.name]: handle.service }), service: () => handle };
  const { status, services } = await applyTopology({ binding, topology });
  if (status === 'applied' || status === 'as-declared') return;
  const [service] = services;
  const refused = service?.changes.filter(({ state }) => state !== 'applied').map(({ name, error }) => `${name}: ${error?.message}`);
  throw new Error(`the topology could not be applied (${status}): ${[service?.error?.message, ...(refused ?? [])].join('; ')}`);
}
