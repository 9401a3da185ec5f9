import { capabilityLiars } from './capabilities.ts';
import { batchLiars, deadLetterLiars, tenantLiars } from './dead-letters.ts';
import { deliveryLiars, payloadLiars } from './delivery.ts';
import type { Liar } from './liar.ts';
import { orderLiars, redeliveryLiars } from './redelivery.ts';

export type { Liar } from './liar.ts';
export { type RestartState, restartLiars } from './restart.ts';

/** At least one for each check, but for those that restart the server. */
export const liars: readonly Liar[] = [
  ...[deliveryLiars, payloadLiars, orderLiars, redeliveryLiars],
  ...[capabilityLiars, deadLetterLiars, batchLiars, tenantLiars],
].flat();
