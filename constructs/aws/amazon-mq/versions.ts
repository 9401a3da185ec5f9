/** Minor versions of RabbitMQ that Millrace plans; AWS picks the patch. */
export type RabbitVersion = '3.13' | '4.2';

interface InstanceFamily {
  readonly versions: readonly RabbitVersion[];
  readonly sizes: readonly string[];
}

/** @see https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rmq-broker-instance-types.html */
const families: Readonly<Record<string, InstanceFamily>> = {
  t3: { versions: ['3.13'], sizes: ['micro'] },
  m5: { versions: ['3.13'], sizes: ['large', 'xlarge', '2xlarge', '4xlarge'] },
  m7g: { versions: ['3.13', '4.2'], sizes: ['medium', 'large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '12xlarge', '16xlarge'] },
};

export const rabbitVersions: readonly RabbitVersion[] = ['3.13', '4.2'];

/** Has one processor's credits and is for trying things: AWS makes no cluster of it. */
export const smallestInstanceType = 'mq.t3.micro';

/** Whether RabbitMQ of `version` runs on `instanceType`: 4.2 on the m7g family alone. */
export function runsOn(version: RabbitVersion, instanceType: string): boolean {
  const [prefix, name, size] = instanceType.split('.');
  const family = name !== undefined && Object.hasOwn(families, name) ? families[name] : undefined;
  return prefix === 'mq' && family !== undefined && family.versions.includes(version) && family.sizes.includes(size ?? '');
}

/** The instance types of `version`, for messages: `mq.m7g.(medium|large|...)`. */
export function instanceTypesOf(version: RabbitVersion): string[] {
  return Object.entries(families)
    .filter(([, { versions }]) => versions.includes(version))
    .map(([name, { sizes }]) => (sizes.length === 1 ? `mq.${name}.${sizes[0]}` : `mq.${name}.(${sizes.join('|')})`));
}
