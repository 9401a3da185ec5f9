import type { ServiceHandle } from '../binding/index.ts';
import type { ConsumerLogger, Loss } from '../consuming/consumer.ts';
import type { Topology } from '../contracts/topology.ts';

/** What every driver takes, whatever the broker. */
export interface TransportOptions {
  readonly service: ServiceHandle;
  readonly topology: Topology;
  /** Name of this process in consumer groups, for people who look. @default host name and process id */
  readonly consumerName?: string;
  /** Events of a subscription that are handled or ready; of those that wait for another attempt up to 20 times as many. @default 500 */
  readonly maxUnhandled?: number;
  /** How long `close()` lets running handlers go on before it aborts their signals. @default 10_000 */
  readonly drainMs?: number;
  /** Told of entries that vanished before a group had handled them; they are logged besides. */
  readonly onLoss?: (loss: Loss) => void;
  /** @default warnings and errors to standard output */
  readonly logger?: ConsumerLogger;
}
