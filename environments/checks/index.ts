import { accessChecks } from './access.ts';
import type { Check } from './draft.ts';
import { estimateChecks } from './estimates.ts';
import { nameChecks } from './names.ts';
import { networkChecks } from './network.ts';
import { queueChecks } from './queues.ts';
import { rabbitTopicChecks } from './rabbit-topics.ts';
import { searchChecks } from './search.ts';
import { serviceChecks } from './services.ts';
import { topicChecks } from './topics.ts';
import { unmanagedChecks } from './unmanaged.ts';

/** Every rule between parts of a declaration. */
export const checks: readonly Check[] = [
  ...networkChecks,
  ...serviceChecks,
  ...topicChecks,
  ...accessChecks,
  ...queueChecks,
  ...rabbitTopicChecks,
  ...searchChecks,
  ...nameChecks,
  ...unmanagedChecks,
  ...estimateChecks,
];
