import type { CacheEngine } from './props.ts';

/** Parameter family by engine and version: which pairs exist. @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html */
const families: Readonly<Record<CacheEngine, Readonly<Record<string, string>>>> = {
  valkey: { '7.2': 'valkey7', '8.0': 'valkey8', '8.1': 'valkey8', '8.2': 'valkey8', '9.0': 'valkey9', '9.1': 'valkey9' },
  redis: { '7.0': 'redis7', '7.1': 'redis7' },
};

/** The version of each engine where none is asked for: the last of a family, see `engineVersion`. */
export const defaultVersions: Readonly<Record<CacheEngine, string>> = { valkey: '8.2', redis: '7.1' };

/** The parameter family of a version, or undefined where Millrace knows none: IAM authentication begins with Redis 7.0 and Valkey 7.2. */
export function familyOf(engine: CacheEngine, version: string): string | undefined {
  return families[engine][version];
}

/** Versions that `engine` may have. */
export function versionsOf(engine: CacheEngine): string[] {
  return Object.keys(families[engine]);
}

/** Major versions that `engine` may have, which is all that a serverless cache lets one choose. */
export function majorVersionsOf(engine: CacheEngine): string[] {
  return [...new Set(versionsOf(engine).map(majorOf))];
}

/** `8` of `8.2`. */
export function majorOf(version: string): string {
  return version.replace(/\..*$/, '');
}
