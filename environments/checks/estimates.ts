import { type Estimate, estimatesOf, inWords } from '../estimates/index.ts';
import type { Check } from './draft.ts';
import { problemIf } from './references.ts';

/** Full memory refuses events, and a full disk stops a broker: found out at the desk, not after months. */
const whatIsKeptFits: Check = ({ engine, size, services, topology }) => {
  if (engine === undefined || size === undefined) return [];
  return estimatesOf({ engine, size, services, topology }).flatMap((estimate) => {
    const { service, neededBytes, allowedBytes } = estimate;
    return problemIf(
      allowedBytes !== undefined && neededBytes > allowedBytes,
      `services.${service}`,
      sentenceOn(estimate, allowedBytes ?? 0),
    );
  });
};

function sentenceOn({ place, neededBytes, allowance, contributions, remedies }: Estimate, allowedBytes: number): string {
  const [biggest] = contributions;
  const most = biggest === undefined ? '' : `, ${inWords(biggest.bytes)} of it for ${biggest.name}`;
  return `is to keep about ${inWords(neededBytes)} ${place}${most}, and has room for ${inWords(allowedBytes)} (${allowance}); set ${remedies.join(', or ')}`;
}

/** Rules about whether what is to be kept fits. */
export const estimateChecks: readonly Check[] = [whatIsKeptFits];
