import type { BoundService, Endpoint, SecretRef, ServiceRole } from '../runtime/src/contracts/binding.ts';

/** What a binding says of a server that this repository hosts, whichever engine it does so with. */
export interface BoundServer {
  readonly role: ServiceRole;
  /** Undefined where it speaks plain text. */
  readonly tls: BoundService['tls'] | undefined;
  /** File of the password, relative to the binding. */
  readonly passwordFile: string;
}

/** Where a server is reached, and what it calls itself where that differs. */
export type Address = Pick<Endpoint, 'host' | 'port' | 'announced'>;

/** The parts that are alike for every kind. */
export function boundTls({ tls }: BoundServer): Pick<BoundService, 'tls'> {
  return tls === undefined ? {} : { tls };
}

export function fileRef(id: string): SecretRef {
  return { from: 'file', id };
}

/** Endpoints of one purpose. */
export function endpointsAs(
  purpose: Endpoint['purpose'],
  addresses: readonly Address[],
  more: Pick<Endpoint, 'authMode'> = {},
): Endpoint[] {
  return addresses.map(({ host, port, announced }) => ({ purpose, host, port, ...more, ...(announced && { announced }) }));
}
