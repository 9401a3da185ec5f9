import { OpenSearch } from '../../constructs/aws/opensearch/index.ts';
import type { OpenSearchAttributes, OpenSearchProps } from '../../constructs/aws/opensearch/props.ts';
import type { EnvironmentIdentity } from '../../constructs/core/identity.ts';
import { Template } from '../support/template.ts';

/** Three subnets that are no one's. */
export const network = {
  vpcId: 'vpc-1',
  privateSubnetIds: ['subnet-a', 'subnet-b', 'subnet-c'],
  clients: { securityGroupId: 'sg-clients' },
};
/** All that has to be said. */
export const minimal: OpenSearchProps = { service: 'search', role: 'search', network, encryptionKeyArn: 'arn:aws:kms:key' };
/** What a type without credits and three masters need, for what asks for either. */
export const large = { dataNodeType: 'r7g.2xlarge.search', dedicatedMasters: 3, diskGiB: 500 } as const;

/** A stack with one domain: `minimal` with `props` over it. */
export function define(
  props: Partial<OpenSearchProps> = {},
  identity: Partial<EnvironmentIdentity> = {},
  use: (domain: OpenSearch) => void = () => undefined,
) {
  return Template.of((stack) => use(new OpenSearch(stack, 'search', { ...minimal, ...props })), identity);
}

/** The statements of a policy document. */
export const statements = (policy: unknown): Record<string, unknown>[] => JSON.parse(policy as string).Statement;

export const domainArn = 'arn:aws:es:eu-central-1:111111111111:domain/test-search';

/** A domain that someone else keeps. */
export const imported: OpenSearchAttributes = {
  service: 'search',
  role: 'search',
  region: 'eu-central-1',
  account: '222222222222',
  domainName: 'theirs',
  arn: 'arn:aws:es:eu-central-1:222222222222:domain/theirs',
  host: 'vpc-theirs.example',
  securityGroupId: 'sg-theirs',
  dataNodes: 3,
  dedicatedMasters: 3,
  warmNodes: 0,
  zones: 3,
  maxRequestMiB: 100,
  masterRoleArn: 'arn:aws:iam::222222222222:role/theirs-master',
  snapshots: { bucketName: 'their-snapshots', roleArn: 'arn:aws:iam::222222222222:role/theirs-snapshots' },
};
