import type { ConsumerLogger } from '../../consuming/consumer.ts';
import { isMillraceError } from '../../contracts/errors.ts';

const remindMs = 30_000;

/** Tells of something that fails again and again when it begins to fail, and then every half minute. */
export interface Outage {
  failed(error: unknown, details?: object): void;
  passed(): void;
}

/** @param patience failures in a row that are told quietly, as they belong to a cluster where leaders and coordinators move; not those that cannot pass by themselves. */
export function watchOutage(log: ConsumerLogger, about: object, message: string, patience = 0): Outage {
  let failures = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    failed(error, details = {}) {
      failures += 1;
      const told = { ...about, ...details, error: String(error) };
      const passes = isMillraceError(error) && error.retriable;
      if (passes && failures <= patience) log.info(told, message);
      else if (performance.now() - toldAt > remindMs) {
        toldAt = performance.now();
        if (passes) log.warn({ ...told, failures }, message);
        else log.error({ ...told, failures }, message);
      }
    },
    passed() {
      failures = 0;
      toldAt = Number.NEGATIVE_INFINITY;
    },
  };
}
