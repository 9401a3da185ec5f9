import { type CheckOptions, checkIdentity, type Fault, type HealthCheck, outcomeOf } from '../health/check.ts';
import type { Janitor } from './janitor.ts';

/** Looks at a janitor of this process. What fails or is held back is `degraded`, never `down`: another process would fare the same. */
export function janitorCheck(janitor: Pick<Janitor, 'outcomes'>, options: CheckOptions = {}): HealthCheck {
  return {
    ...checkIdentity(options, 'janitor'),
    async check() {
      const faults = janitor.outcomes().flatMap(({ task, report, error }): Fault[] => {
        const failed = error === undefined ? [] : [`${task} failed: ${error.message}`];
        const held = report?.held.map(({ sentence }) => sentence) ?? [];
        const told = (code: Fault['code'], reasons: readonly string[]) =>
          reasons.map((reason) => ({ status: 'degraded', code, reason }) as const);
        return [...told('JANITOR_FAILED', failed), ...told('RETENTION_HELD', held.slice(0, maxSentences))];
      });
      const held = janitor.outcomes().reduce((total, { report }) => total + (report?.held.length ?? 0), 0);
      return outcomeOf(faults, [{ measure: 'held', value: held }]);
    },
  };
}

/** Isolated topics may hold one a tenant. */
const maxSentences = 5;
