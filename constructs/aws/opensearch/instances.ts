/** What families of instances cannot do. @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/supported-instance-types.html */
const families = {
  /** No Auto-Tune, no warm storage, no standby, ten nodes at most. */
  burstable: ['t2', 't3'],
  /** No encryption at rest. */
  unencrypted: ['m3', 'r3', 't2'],
  /** Fast disks of their own, and no others. */
  withOwnDisks: ['i3', 'i4g', 'i4i', 'i8g', 'im4gn', 'oi2', 'r6gd', 'r7gd', 'r8gd'],
  /** Take requests of 100 MiB from `large` on; others from `xlarge` on. */
  withLargeRequests: ['r5', 'r6g', 'r6gd', 'r7g', 'r7gd', 'r8g', 'r8gd', 'r7i'],
} as const satisfies Record<string, readonly string[]>;

/** Sizes of families that have few. @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/supported-instance-types.html */
const sizesOf: Readonly<Record<string, readonly string[]>> = { t2: ['micro', 'small', 'medium'], t3: ['small', 'medium'] };

/** Why no data node and no master is of `nodeType`, or undefined where it may be: of families that AWS adds later nothing is known. */
export function nodeTypeProblem(nodeType: string): string | undefined {
  const [family = '', size = ''] = nodeType.split('.');
  if (family.startsWith('ultrawarm')) return `${family} is for warm nodes alone`;
  const sizes = Object.hasOwn(sizesOf, family) ? sizesOf[family] : undefined;
  return sizes === undefined || sizes.includes(size) ? undefined : `${family} has ${sizes.join(', ')}`;
}

/** The warm tier's own types. @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/ultrawarm.html */
export const warmNodeTypes: readonly string[] = ['ultrawarm1.medium.search', 'ultrawarm1.large.search', 'ultrawarm1.xlarge.search'];

/** What a warm node can address in S3; of the largest type AWS does not say it. @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html#limits-ultrawarm */
const warmStorageTiB: Readonly<Record<string, number>> = { 'ultrawarm1.medium.search': 1.5, 'ultrawarm1.large.search': 20 };

/** What so many warm nodes of the type can address together, or undefined where that is not known. */
export function warmStorageMiBOf(warmNodeType: string, warmNodes: number): number | undefined {
  const tebibytes = warmStorageTiB[warmNodeType];
  return tebibytes && tebibytes * warmNodes * 2 ** 20;
}

/** Largest disk in GiB of the types that can have little. @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html#ebsresource */
export const largestDisksGiB: Readonly<Record<string, number>> = { 't3.small.search': 100, 't3.medium.search': 200 };

/** Whether `nodeType` is of one of the families in that row. */
export function isOf(row: keyof typeof families, nodeType: string): boolean {
  return (families[row] as readonly string[]).includes(nodeType.split('.', 1)[0]!);
}

/**
 * Largest request in MiB that a node surely takes: AWS cuts small types off at 10.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html#network-limits
 */
export function maxRequestMiBOf(nodeType: string): number {
  const size = nodeType.split('.')[1] ?? '';
  const isSmall = isOf('burstable', nodeType) || ['micro', 'small', 'medium'].includes(size);
  return isSmall || (size === 'large' && !isOf('withLargeRequests', nodeType)) ? 10 : 100;
}
