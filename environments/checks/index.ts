import type { Check } from './draft.ts';
import { networkChecks } from './network.ts';
import { queueChecks } from './queues.ts';
import { searchChecks } from './search.ts';
import { serviceChecks } from './services.ts';
import { topicChecks } from './topics.ts';

/** Every rule between parts of a declaration. */
export const checks: readonly Check[] = [...networkChecks, ...serviceChecks, ...topicChecks, ...queueChecks, ...searchChecks];
