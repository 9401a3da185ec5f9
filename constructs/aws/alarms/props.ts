import type { AlertedEnvironment } from '../../../alerts/resolve.ts';
import type { AlertRow } from '../../../alerts/row.ts';
import type { AlarmTarget } from '../../core/alarm-target.ts';

export interface AlarmsProps {
  /** Whose alerts these are: its size, its services and workers, and what it overrides. */
  readonly environment: AlertedEnvironment & { readonly name: string };
  /** Everything that measures in it: each service and worker once, and the probe once for each service that it looks at. */
  readonly targets: readonly AlarmTarget[];
  /** ARNs of the topics that are told. */
  readonly topicArns: Readonly<Record<'warning' | 'critical', string>>;
  /** How many metrics the probe makes, for the cost. @default 0 */
  readonly probeSeries?: number;
  /** @default every row of `alerts/` */
  readonly rows?: readonly AlertRow[];
}
