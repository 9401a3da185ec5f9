const small = ['micro', 'small', 'medium'];
const graviton = ['large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '12xlarge', '16xlarge'];
const intel5 = ['large', 'xlarge', '2xlarge', '4xlarge', '12xlarge', '24xlarge'];

/**
 * Sizes of the families that Millrace knows: none where AWS makes no new nodes of a family any more.
 *
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html
 */
const sizesOf: Readonly<Record<string, readonly string[]>> = {
  t2: small,
  t3: small,
  t4g: small,
  m4: ['large', 'xlarge', '2xlarge', '4xlarge', '10xlarge'],
  m5: intel5,
  m6g: graviton,
  m7g: graviton,
  r4: ['large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '16xlarge'],
  r5: intel5,
  r6g: graviton,
  r6gd: graviton.filter((size) => size !== 'large'),
  r7g: graviton,
  t1: [],
  m1: [],
  m2: [],
  m3: [],
  c1: [],
  r3: [],
};

/** Why AWS makes no node of `nodeType`, or undefined where it may: of families that AWS adds later nothing is known. */
export function nodeTypeProblem(nodeType: string): string | undefined {
  const [family = '', size = ''] = nodeType.replace(/^cache\./, '').split('.');
  const sizes = Object.hasOwn(sizesOf, family) ? sizesOf[family] : undefined;
  if (sizes === undefined || sizes.includes(size)) return undefined;
  return sizes.length === 0 ? `AWS makes no new nodes of ${family}` : `${family} has ${sizes.join(', ')}`;
}

/** Processors of a node: two up to the size large, but for the smallest of t2, then as many as the size says. */
export function processorsOf(nodeType: string): number {
  const [family, size = ''] = nodeType.replace(/^cache\./, '').split('.');
  const multiple = /^(\d*)xlarge$/.exec(size)?.[1];
  if (multiple !== undefined) return 4 * Number(multiple || 1);
  return family === 't2' && ['micro', 'small'].includes(size) ? 1 : 2;
}
