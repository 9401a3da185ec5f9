import type { Environment } from '../declaration.ts';
import { type Estimate, type Estimated, inWords } from './estimate.ts';
import { kafkaEstimates } from './kafka.ts';
import { openSearchEstimates } from './opensearch.ts';
import { redisEstimates } from './redis.ts';

export { type Estimate, inWords } from './estimate.ts';

/** Whether what is declared to be kept fits the declared sizes, for every service that topics or indices with a `volume` lie on. */
export function estimatesOf(environment: Estimated): Estimate[] {
  return [...redisEstimates(environment), ...kafkaEstimates(environment), ...openSearchEstimates(environment)];
}

/**
 * The estimates of an environment as lines for people, with the names of what could not be estimated.
 *
 * Estimated is what is kept on purpose. Dead letters, consumers that stand still, and compression are not in it.
 *
 * @example estimateLines(environment)[0] // staging: events is to keep about 49 MiB in memory, and has room for 962 MiB (80 % of ...); most of it users.activity 13 MiB, ...
 */
export function estimateLines(environment: Environment): string[] {
  const lines = estimatesOf(environment).map((estimate) => `${environment.name}: ${lineOf(estimate)}`);
  const left = notEstimated(environment);
  return left.length === 0 ? lines : [...lines, `${environment.name}: not estimated, because no volume is declared: ${left.join(', ')}`];
}

function lineOf({ service, place, neededBytes, allowedBytes, allowance, contributions }: Estimate): string {
  const biggest = contributions.slice(0, 3).map(({ name, bytes }) => `${name} ${inWords(bytes)}`);
  const most = biggest.length === 0 ? '' : `; most of it ${biggest.join(', ')}`;
  const limit = allowedBytes === undefined ? allowance : `${inWords(allowedBytes)} (${allowance})`;
  return `${service} is to keep about ${inWords(neededBytes)} ${place}, and has room for ${limit}${most}`;
}

function notEstimated({ topology: { topics, indices } }: Environment): string[] {
  return [...Object.entries(topics), ...Object.entries(indices)].flatMap(([name, { volume }]) => (volume === undefined ? [name] : []));
}
