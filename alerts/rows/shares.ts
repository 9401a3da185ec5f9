import { prometheusName, type SignalLabel, type SignalName } from '../../runtime/src/contracts/signals.ts';

interface Share {
  /** What was given up: its rise within an hour. */
  readonly of: SignalName;
  /** All there was: its rise in the same hour. */
  readonly among: SignalName;
  /** Labels of `of`, from the widest; `among` has the first of them. */
  readonly by: readonly SignalLabel[];
  /** How many labels `among` has. @default all */
  readonly amongBy?: readonly SignalLabel[];
}

/** One dead letter among ten events is bad luck, and has an alert of its own: below so many events an hour the share is taken of this number. */
const many = 5_000;

/**
 * Which part of an hour's events was given up, for both back ends.
 *
 * `delta` and not `increase`: these numbers lie in the data of their server, so they go on after a restart and fall a little in a fail-over, which `increase`
 * would take for a new beginning at zero and add as a whole.
 */
export function shareOfMany({ of, among, by, amongBy = by }: Share) {
  const risen = (name: SignalName, labels: readonly string[]) =>
    `sum by (${labels.join(', ')}) (delta(${prometheusName(name)}{service=~"$services"}[1h]))`;
  const matching = `/ on (${amongBy.join(', ')}) group_left ()`;
  return {
    cloudWatch: { expression: `DIFF(dead) / IF(DIFF(total) > ${many}, DIFF(total), ${many})`, signals: { dead: of, total: among } },
    prometheus: { expression: `${risen(of, by)} ${matching} clamp_min(${risen(among, amongBy)}, ${many})`, by },
  };
}
