import type { CacheEngine } from './props.ts';

/** Parameter family by engine and version: which pairs exist. @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html */
const families: Readonly<Record<CacheEngine, Readonly<Record<string, string>>>> = {
  valkey: { '7.2': 'valkey7', '8.0': 'valkey8', '8.1': 'valkey8', '8.2': 'valkey8' },
  redis: { '7.0': 'redis7', '7.1': 'redis7' },
};

/** The newest version of each engine. */
export const defaultVersions: Readonly<Record<CacheEngine, string>> = { valkey: '8.2', redis: '7.1' };

/** The parameter family of a version, or undefined where Millrace knows none: IAM authentication begins with Redis 7.0 and Valkey 7.2. */
export function familyOf(engine: CacheEngine, version: string): string | undefined {
  return families[engine][version];
}

/** Versions that `engine` may have. */
export function versionsOf(engine: CacheEngine): string[] {
  return Object.keys(families[engine]);
}
