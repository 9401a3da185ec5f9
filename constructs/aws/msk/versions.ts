import { burstableBroker, isExpress } from './brokers.ts';

/** What runs a version of Kafka, and where it keeps its metadata. */
interface KafkaVersion {
  /** Metadata in Kafka itself; else in ZooKeeper nodes that MSK keeps. */
  readonly kraft: boolean;
  readonly standard: boolean;
  readonly express: boolean;
}

/**
 * Versions for new clusters, as MSK writes them: `.x` is a patch that MSK chooses, `.kraft` the metadata mode.
 *
 * An upgrade is a higher version here: brokers are replaced one after the other. Nothing goes back: for a lower version the provider replaces the cluster.
 *
 * From ZooKeeper the only step is `3.9.x` to `3.9.x.kraft`, alone in an apply, in three zones, not on burstable brokers, and after ZooKeeper was closed to
 * clients with `aws kafka update-connectivity`. So an environment that grows out of `kafka.t3.small` first names `3.9.x` as its version together with the
 * new size, then `3.9.x.kraft`, then leaves the version to the default; MSK refuses all at once, and so does a plan that names `upgradeFrom`.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/supported-kafka-versions.html
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/zk-to-kraft-migration.html
 */
export const kafkaVersions: Readonly<Record<string, KafkaVersion>> = {
  '3.8.x': { kraft: false, standard: true, express: true },
  '3.8.x.kraft': { kraft: true, standard: true, express: false },
  '3.9.x': { kraft: false, standard: true, express: false },
  '3.9.x.kraft': { kraft: true, standard: true, express: true },
  '4.0.x.kraft': { kraft: true, standard: true, express: false },
  '4.1.x.kraft': { kraft: true, standard: true, express: false },
  '4.2.x.kraft': { kraft: true, standard: false, express: true },
};

/** The version that a type of broker gets unasked: the line that the local environment runs, where MSK has it for that type. */
export function defaultVersion(brokerType: string): string {
  if (brokerType === burstableBroker) return '3.9.x';
  return isExpress(brokerType) ? '3.9.x.kraft' : '4.1.x.kraft';
}

/** Versions that a type of broker can run. */
export function versionsFor(brokerType: string): string[] {
  const kind = isExpress(brokerType) ? 'express' : 'standard';
  return Object.entries(kafkaVersions)
    .filter(([, version]) => version[kind] && !(version.kraft && brokerType === burstableBroker))
    .map(([name]) => name);
}

/** The one line that MSK moves out of ZooKeeper. */
const lastOfZooKeeper = '3.9.x';

/**
 * Why a cluster cannot go from one version to another in place, or undefined where it can.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/version-upgrades.html
 */
export function upgradeProblem(from: string, to: string): string | undefined {
  const [older, newer] = [partsOf(from), partsOf(to)];
  if (older === undefined) return `${from} is no version as MSK writes it, 3.9.x or 3.9.x.kraft`;
  if (newer === undefined) return undefined;
  const back = newer.major < older.major || (newer.major === older.major && newer.minor < older.minor);
  if (back || (older.kraft && !newer.kraft)) return 'a cluster never goes back; publish the outbox log into a new one';
  if (!older.kraft && newer.kraft && !(isLastOfZooKeeper(from) && to === `${lastOfZooKeeper}.kraft`)) {
    return `ZooKeeper is left in steps: version ${lastOfZooKeeper}, deploy, then ${lastOfZooKeeper}.kraft, deploy`;
  }
  return undefined;
}

/** A patch of the line is as good as the line: older clusters have their versions written out. */
function isLastOfZooKeeper(version: string): boolean {
  return /^3\.9\.(x|\d+)$/.test(version);
}

function partsOf(version: string): { readonly major: number; readonly minor: number; readonly kraft: boolean } | undefined {
  const match = /^(\d+)\.(\d+)\.(?:x|\d+)(\.kraft)?$/.exec(version);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]), kraft: match[3] !== undefined };
}
