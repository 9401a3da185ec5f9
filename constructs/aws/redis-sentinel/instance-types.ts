const mebibytesAGibibyte = 1_024;

/**
 * GiB of the size `large` by the letter of the family, of generations that keep to it.
 *
 * All of them are machines of the Nitro system: older ones show no volume under the name by which the machine looks for its disk.
 *
 * @see https://aws.amazon.com/ec2/instance-types/
 */
const largeGiB: readonly { readonly families: RegExp; readonly gibibytes: number }[] = [
  { families: /^t[34]/, gibibytes: 8 },
  { families: /^m[5-9]/, gibibytes: 8 },
  { families: /^r[5-9]/, gibibytes: 16 },
  { families: /^c[6-9]/, gibibytes: 4 },
  { families: /^c5(a|ad|d)?$/, gibibytes: 4 },
  { families: /^x(2gd|8g)$/, gibibytes: 32 },
];

/** For messages. */
export const knownFamilies = 't3 and newer, m5 and newer, r5 and newer, c5 and newer, x2gd or x8g, and no metal';

/** A size as a multiple of `large`. */
const multiples: Readonly<Record<string, number>> = { nano: 1 / 16, micro: 1 / 8, small: 1 / 4, medium: 1 / 2, large: 1, xlarge: 2 };

/** Whether `text` has the form of an instance type of EC2, `m7g.large`. */
export function isInstanceType(text: string): boolean {
  return /^[a-z]+\d[a-z0-9-]*\.[a-z0-9-]+$/.test(text);
}

/** Memory of a machine in MiB, or undefined where the table does not know its type. */
export function instanceMemoryMiB(instanceType: string): number | undefined {
  const [family = '', size = ''] = instanceType.split('.');
  const large = largeGiB.find(({ families }) => families.test(family))?.gibibytes;
  const several = /^(\d+)xlarge$/.exec(size)?.[1];
  const multiple = several === undefined ? multiples[size] : 2 * Number(several);
  return large === undefined || multiple === undefined ? undefined : large * multiple * mebibytesAGibibyte;
}

/** Processor of a machine: a `g` after the generation means Graviton. */
export function architectureOf(instanceType: string): 'arm64' | 'x86_64' {
  return /^(a1\.|[a-z]+\d+[a-z]*g)/.test(instanceType) ? 'arm64' : 'x86_64';
}
