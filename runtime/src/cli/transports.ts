import type { LoadedBinding } from '../binding/index.ts';
import type { Topology } from '../contracts/topology.ts';
import type { Transport } from '../transport.ts';
import { openTransportPool } from '../transports/pool.ts';

/** The transports of a command, each opened when it is first asked for. */
export interface Transports extends AsyncDisposable {
  /** @throws {MillraceError} BINDING_NAME_UNKNOWN, TRANSPORT_UNKNOWN, and what the driver throws. */
  to(service: string): Promise<Transport>;
}

export function openTransports(binding: LoadedBinding, topology: Topology): Transports {
  const pool = openTransportPool({ topology });
  return { to: async (service) => pool.to(service, binding.service(service)), [Symbol.asyncDispose]: pool.close };
}
