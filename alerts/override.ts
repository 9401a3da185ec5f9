import type { Environment } from '../environments/schema.ts';
import type { Severity } from './row.ts';

/** One override of the declaration, its key taken apart. */
export interface Override {
  readonly key: string;
  readonly id: string;
  readonly severity: Severity | undefined;
  readonly service: string | undefined;
  /** None where it disables. */
  readonly threshold: number | undefined;
}

/** What stands under `key` in the declaration. */
export function overrideOf(key: string, { alerts }: Environment): Override {
  const [, id, severity, service] = /^([^.@]+)(?:\.([^@]+))?(?:@(.+))?$/.exec(key)!;
  const override = alerts.overrides[key]!;
  return {
    key,
    id: id!,
    severity: severity as Severity | undefined,
    service,
    threshold: 'threshold' in override ? override.threshold : undefined,
  };
}
