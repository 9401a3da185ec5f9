import type { Beacon } from '../health/beacons.ts';
import { type Fault, type HealthCheck, outcomeOf } from '../health/check.ts';
import type { Probe } from './probe.ts';

/** Looks at a probe of this process. A service that cannot be looked at is `degraded`, never `down`: another probe would fare the same. */
export function probeCheck(probe: Pick<Probe, 'outcomes'>): HealthCheck {
  return {
    name: 'probe',
    async check() {
      const outcomes = probe.outcomes();
      const faults = outcomes.flatMap(({ service, error }): Fault[] =>
        error === undefined
          ? []
          : [{ status: 'degraded', code: 'SERVICE_UNSEEN', reason: `${service} cannot be looked at: ${error.message}` }],
      );
      return outcomeOf(faults, [{ measure: 'servicesLookedAt', value: outcomes.length - faults.length, unit: '{service}' }]);
    },
  };
}

/** A beacon for `/live`: silent when no look begins or ends any more, though each is given a limited time. */
export function probeBeacon(probe: Pick<Probe, 'idleForMs'>, intervalMs: number): Beacon {
  return { name: 'probe', maxSilenceMs: 4 * intervalMs + 60_000, silentForMs: probe.idleForMs };
}
