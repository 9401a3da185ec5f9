import { ownedBy, type Topology } from '../../runtime/src/contracts/topology.ts';
import { type ResolvedSettings, resolveSettings } from '../size.ts';
import { bytesPerGiB, type Contribution, type Estimate, type Estimated, estimateOf } from './estimate.ts';

type Index = Topology['indices'][string];
type Lifecycle = Topology['lifecycles'][string];
type Settings = ResolvedSettings<'opensearch'>;
type Phase = 'rolloverDays' | 'hotDays' | 'warmDays' | 'coldDays' | 'deleteDays';

/** An index over its documents. @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/bp-storage.html */
const indexPerByte = 1.1;
/** Of a disk Linux keeps 5 %, and 20 % of the rest are for merging, logs and the like; both from the same page. */
const usableShare = 0.95 * 0.8;

/** What an UltraWarm node can hold. @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html */
const warmGiBPerNode: Readonly<Record<string, number>> = { 'ultrawarm1.medium.search': 1_536, 'ultrawarm1.large.search': 20_480 };

/** A stretch of an index's life on one kind of nodes, ending with the phase `to`. */
interface Stay {
  readonly from: Phase;
  readonly to: Phase;
  readonly days: number;
  readonly copies: number;
}

/** The stays on data nodes and on UltraWarm nodes; what is in cold storage takes place on neither. */
interface Stays {
  readonly data: readonly Stay[];
  readonly warm: readonly Stay[];
}

/** What indices keep on data nodes, and on UltraWarm nodes where there are some; those without an end are not estimated. */
export function openSearchEstimates(environment: Estimated): Estimate[] {
  const { services, topology, engine } = environment;
  return Object.entries(services).flatMap(([service, declaration]) => {
    const indices = ownedBy(topology.indices, service);
    if (declaration.kind !== 'opensearch' || indices.length === 0) return [];
    const settings = resolveSettings<'opensearch'>(declaration, environment);
    const onAws = engine.kind === 'aws';
    const contributions = (tier: keyof Stays) =>
      indices.flatMap(([name, index]) =>
        contributionOf(name, index, topology, (lifecycle) => staysOf(lifecycle, index, settings, onAws)[tier]),
      );
    const data = onDataNodes(service, settings, contributions('data'));
    return onAws && settings.warmNodes > 0 ? [data, onWarmNodes(service, settings, contributions('warm'))] : [data];
  });
}

function contributionOf(
  name: string,
  { volume, lifecycle: lifecycleName }: Index,
  { lifecycles }: Topology,
  staysUnder: (lifecycle: Lifecycle) => readonly Stay[],
): Contribution[] {
  const lifecycle = lifecycleName === undefined ? undefined : lifecycles[lifecycleName];
  if (volume === undefined || lifecycle === undefined) return [];
  const bytesPerDay = volume.eventsPerDay * volume.averageBytes * indexPerByte;
  const stays = staysUnder(lifecycle);
  const last = stays.at(-1);
  if (last === undefined) return [];
  const bytes = stays.reduce((sum, { days, copies }) => sum + bytesPerDay * days * copies, 0);
  const path = `topology.lifecycles.${lifecycleName}.${last.to}`;
  const least = (lifecycle[last.from] ?? 0) + 1;
  return [{ name, bytes, period: { path, length: lifecycle[last.to] ?? 0, least, bytesPerUnit: bytesPerDay * last.copies } }];
}

/** Phases are counted from the roll-over, so every document stays as long as until then besides. */
function staysOf(lifecycle: Lifecycle, { replicas }: Index, { warmNodes, coldStorage }: Settings, onAws: boolean): Stays {
  const { rolloverDays, hotDays, warmDays, coldDays, deleteDays } = lifecycle;
  const copies = 1 + replicas;
  const hot: Stay = { from: 'rolloverDays', to: 'hotDays', days: hotDays + rolloverDays, copies };
  const lastPhase = coldDays !== undefined ? 'coldDays' : warmDays !== undefined ? 'warmDays' : 'hotDays';
  const rest: Stay = { from: lastPhase, to: 'deleteDays', days: deleteDays - hotDays, copies };
  if (warmDays === undefined || (onAws && warmNodes === 0)) return { data: [hot, rest], warm: [] };
  // On servers of one's own, warm indices keep one replica at most.
  if (!onAws) return { data: [hot, { ...rest, copies: Math.min(2, copies) }], warm: [] };
  const isCold = coldStorage && coldDays !== undefined;
  return {
    data: [hot],
    warm: [isCold ? { from: 'hotDays', to: 'warmDays', days: warmDays - hotDays, copies: 1 } : { ...rest, copies: 1 }],
  };
}

function onDataNodes(service: string, { dataNodes, diskGiB }: Settings, contributions: readonly Contribution[]): Estimate {
  const allowance = `76 % of ${dataNodes} x ${diskGiB.toLocaleString('en')} GiB`;
  const place = {
    service,
    place: 'on the disks of the data nodes',
    allowance,
    allowedBytes: dataNodes * diskGiB * bytesPerGiB * usableShare,
  };
  return estimateOf(
    place,
    contributions,
    (needed) => `overrides.diskGiB to at least ${Math.ceil(needed / usableShare / dataNodes / bytesPerGiB)}`,
  );
}

function onWarmNodes(service: string, { warmNodes, warmNodeType }: Settings, contributions: readonly Contribution[]): Estimate {
  const giB = warmGiBPerNode[warmNodeType];
  const allowance = giB === undefined ? 'as much as they hold' : `${warmNodes} x ${giB.toLocaleString('en')} GiB`;
  const allowedBytes = giB === undefined ? undefined : warmNodes * giB * bytesPerGiB;
  const larger = (needed: number) => `overrides.warmNodes to at least ${Math.ceil(needed / (giB ?? 1) / bytesPerGiB)}`;
  return estimateOf({ service, place: 'on UltraWarm nodes', allowedBytes, allowance }, contributions, larger);
}
