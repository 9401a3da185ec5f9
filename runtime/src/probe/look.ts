import type { ServiceHandle } from '../binding/index.ts';
import type { Sample, SignalName } from '../contracts/signals.ts';
import type { Topology } from '../contracts/topology.ts';

/** How the probe looks at one service. */
export interface Look extends AsyncDisposable {
  /** Name of the service, the label `service` of its samples. */
  readonly service: string;
  /**
   * What is there now. Connects at the first call and keeps the connection. Asks so little of a server that it does not feel it: no KEYS, no SCAN over everything, nothing a message,
   * and of what has no bound (the streams of tenants) a part at a time.
   *
   * @throws whatever kept it from a complete look; the probe then tells `probe.up` 0, and of an IncompleteLook what was seen all the same
   */
  sample(signal: AbortSignal): Promise<readonly Sample[]>;
}

/** Opens nothing yet: the server may be away. */
export type OpenLook = (ground: LookGround) => Look;

export interface LookGround {
  readonly service: ServiceHandle;
  readonly topology: Topology;
  /** What is asked for; a look need not ask a server for the rest. @default every signal */
  readonly wanted?: ReadonlySet<SignalName> | undefined;
  /** Whether groups that nobody declared are told too; in CloudWatch each would cost its series, and no alarm looks at them. @default true */
  readonly undeclared?: boolean | undefined;
}

/** A look that saw part of a service: a part that refuses us is no reason to tell nothing of the others. */
export class IncompleteLook extends Error {
  override readonly name = 'IncompleteLook';
  readonly samples: readonly Sample[];

  /** @param cause what the part that is missing was refused with */
  constructor(samples: readonly Sample[], cause: Error) {
    super(cause.message, { cause });
    this.samples = samples;
  }
}
