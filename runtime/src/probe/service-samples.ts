import type { Sample } from '../contracts/signals.ts';

/** `samples` as those of `service`; each has its other labels. */
export function ofService(service: string, samples: readonly Sample[]): Sample[] {
  return samples.map(({ signal, labels, value }) => ({ signal, labels: { service, ...labels }, value }));
}
