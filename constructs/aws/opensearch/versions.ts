/**
 * Versions that AWS offers and goes on repairing, oldest first.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/what-is.html#choosing-version
 */
export const knownVersions = ['2.11', '2.13', '2.15', '2.17', '2.19', '3.1', '3.3', '3.5'] as const;

/** What the local servers and the tests of the runtime run: the last version from which the next major one can be reached. */
export const defaultVersion = '2.19';

/** Versions from which AWS upgrades to the next major one. */
const lastOfMajor: readonly string[] = ['2.19'];

/** `OpenSearch_X.Y`, as AWS writes it and gives it back. */
export function engineVersionOf(version: string): string {
  return `OpenSearch_${version}`;
}

/** Whether Millrace knows `version`. */
export function isKnownVersion(version: string): boolean {
  return (knownVersions as readonly string[]).includes(version);
}

/**
 * Why a domain cannot go from one version to another in place, or undefined where it can.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/version-migration.html
 */
export function upgradeProblem(from: string, to: string): string | undefined {
  const [older, newer] = [numbersOf(from), numbersOf(to)];
  if (older === undefined || newer === undefined) return undefined;
  if (newer.major < older.major || (newer.major === older.major && newer.minor < older.minor)) {
    return 'a domain never goes back; restore a snapshot into a new one';
  }
  if (newer.major > older.major && !lastOfMajor.includes(from)) return `upgrade to ${lastOfMajor.join(' or ')} first`;
  return undefined;
}

function numbersOf(version: string): { readonly major: number; readonly minor: number } | undefined {
  const match = /^(\d+)\.(\d+)$/.exec(version);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}
