import { nameRule, roleRule, twoZonesRule } from '../../core/rules.ts';
import { isWholeNumber, listed, quoted, type Rule } from '../../core/validate.ts';
import { isTimeOfDay } from '../../core/windows.ts';
import { longestId, snapshotRetentionRule, userRules } from '../elasticache/cache-rules.ts';
import { majorVersionsOf } from '../elasticache/families.ts';
import type { ResolvedElastiCacheServerless } from './resolve.ts';

/** @see https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DataStorage.html */
const storageGiB = { least: 1, most: 5_000 };
/** @see https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ECPUPerSecond.html */
const ecpuPerSecond = { least: 1_000, most: 15_000_000 };

interface Bounds {
  readonly what: 'StorageGiB' | 'EcpuPerSecond';
  readonly least: number;
  readonly most: number;
}

const bounds: readonly Bounds[] = [
  { what: 'StorageGiB', ...storageGiB },
  { what: 'EcpuPerSecond', ...ecpuPerSecond },
];

/** What holds for storage and for processing units alike. */
const limitRules: readonly Rule<ResolvedElastiCacheServerless>[] = bounds.flatMap(({ what, least, most }) => {
  const highest = ({ limits }: ResolvedElastiCacheServerless): number => limits?.[`max${what}`] ?? most;
  const lowest = (cache: ResolvedElastiCacheServerless): number | undefined => cache[`min${what}`];
  return [
    {
      condition: (cache) => !isWholeNumber(highest(cache), least, most),
      message: (cache) => `max${what} must be a whole number of ${least} to ${most}, got ${highest(cache)}`,
    },
    {
      condition: (cache) => lowest(cache) !== undefined && !isWholeNumber(lowest(cache) ?? 0, least, highest(cache)),
      message: (cache) => `min${what} must be a whole number of ${least} to max${what}, ${highest(cache)}, got ${lowest(cache)}`,
    },
  ] satisfies Rule<ResolvedElastiCacheServerless>[];
});

/** What a serverless cache must be. */
export const elastiCacheServerlessRules: readonly Rule<ResolvedElastiCacheServerless>[] = [
  nameRule('cacheName', longestId),
  roleRule(['cache'], 'a serverless cache evicts keys that have an end, cannot be told not to, and is a cluster'),
  {
    condition: ({ overridesOfNodes }) => overridesOfNodes.length > 0,
    message: ({ overridesOfNodes }) =>
      `overrides must not speak of nodes, which a serverless cache has none of, got ${listed(overridesOfNodes)}`,
  },
  {
    condition: ({ limits }) => limits === undefined,
    message: () => 'limits must be set, got none: they are the only end of the bill',
  },
  ...limitRules,
  {
    condition: ({ engine, majorVersion }) => !majorVersionsOf(engine).includes(majorVersion),
    message: ({ engine, majorVersion }) =>
      `majorVersion must be one of ${majorVersionsOf(engine).join(', ')} for ${engine}, got ${quoted(majorVersion)}`,
  },
  twoZonesRule,
  ...userRules,
  snapshotRetentionRule,
  {
    condition: ({ snapshotTime }) => !isTimeOfDay(snapshotTime),
    message: ({ snapshotTime }) => `snapshotTime must be of the form 02:00, got ${quoted(snapshotTime)}`,
  },
];
