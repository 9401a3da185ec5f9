import type { Check } from './check.ts';
import { batchChecks } from './checks/batches.ts';
import { capabilityChecks } from './checks/capabilities.ts';
import { deadLetterChecks } from './checks/dead-letters.ts';
import { deliveryChecks } from './checks/delivery.ts';
import { orderChecks } from './checks/order.ts';
import { payloadChecks } from './checks/payloads.ts';
import { redeliveryChecks } from './checks/redelivery.ts';
import { restartChecks } from './checks/restart.ts';
import { tenantChecks } from './checks/tenants.ts';
import type { TestedDriver } from './driver.ts';
import { prepare } from './ground.ts';

/** What every transport must do, whatever the broker. */
export const checks: readonly Check[] = [
  ...[deliveryChecks, payloadChecks, orderChecks, redeliveryChecks, capabilityChecks],
  ...[deadLetterChecks, batchChecks, tenantChecks, restartChecks],
].flat();

interface StartedDriver {
  readonly driver: TestedDriver;
  stop(): Promise<void>;
}

/**
 * Registers the tests of a driver: each check on topics of its own, several at a time because they mostly wait, and at the end those that need the server for
 * themselves.
 */
export function transportConformance(start: () => Promise<StartedDriver>): void {
  let started: StartedDriver | undefined;
  let carryOut: (check: Check) => Promise<void>;
  beforeAll(async () => {
    started = await start();
    carryOut = await prepare(started.driver, checks, 'c');
  }, 120_000);
  afterAll(() => started?.stop(), 30_000);

  for (const check of checks) {
    const title = check.capability === undefined ? check.title : `${check.title} (capability ${check.capability})`;
    const register = check.alone === true ? test : test.concurrent;
    register(title, () => carryOut(check), 120_000);
  }
}
