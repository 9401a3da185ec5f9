import type { ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { KafkaOverrides } from '../msk/props.ts';
import type { NetworkReference } from '../network/index.ts';

export interface MskServerlessProps {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  readonly role: ServiceRole;
  readonly network: NetworkReference;
  /** Here as for every service, and not used: Serverless encrypts with a key of AWS and takes no other. */
  readonly encryptionKeyArn: string;
  /** `serverless` alone; the others speak of brokers, disks and versions, which are not ours here. @default none */
  readonly overrides?: KafkaOverrides;
}

/** What is known of a serverless cluster from outside: enough to bind it, to grant access and to watch it. */
export interface MskServerlessAttributes {
  readonly service: string;
  readonly role: ServiceRole;
  readonly region: string;
  readonly clusterName: string;
  readonly arn: string;
  /** The one name that stands for all brokers. */
  readonly bootstrapHost: string;
  readonly securityGroupId: string;
}
