import type { Topology, TransportKind } from '../../runtime/src/contracts/topology.ts';
import type { Transport } from '../../runtime/src/transport.ts';
import type { TransportOptions } from '../../runtime/src/transports/options.ts';

export type TransportChange = Partial<Omit<TransportOptions, 'service' | 'topology'>>;

/** What the suite is given: a driver and the server behind it. */
export interface TestedDriver {
  readonly kind: TransportKind;
  /** Name of the service that the topics are routed to. */
  readonly service: string;
  /** How long what must come may take. */
  readonly patienceMs: number;
  /** Makes on the server what `millrace apply` would. */
  provision(topology: Topology): Promise<void>;
  /** A transport of its own, as a process has one. */
  open(topology: Topology, change: TransportChange): Promise<Transport>;
  /** Ends the server as an administrator would and starts it on the same files. */
  restart(): Promise<void>;
}
