import { EncryptionKey } from '../constructs/aws/foundation/encryption-key.ts';
import { Network, type NetworkReference } from '../constructs/aws/network/index.ts';
import { type Construct, TerraformOutput } from '../constructs/core/framework.ts';
import { AwsStack, type AwsStackProps } from './base.ts';

/** What all other stacks of an environment stand on and what changes least: the network, and the key that encrypts data at rest. */
export class NetworkStack extends AwsStack {
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;

  constructor(scope: Construct, props: AwsStackProps) {
    super(scope, 'network', props);
    this.encryptionKeyArn = new EncryptionKey(this, 'EncryptionKey').keyArn;
    const { network } = props.environment.engine;
    this.network =
      network.kind === 'own'
        ? new Network(this, 'Network', { cidr: network.cidr, encryptionKeyArn: this.encryptionKeyArn })
        : Network.fromAttributes(this, 'Network', network);
    this.defineOutputs();
  }

  private defineOutputs(): void {
    const { vpcId, privateSubnetIds, clients } = this.network;
    new TerraformOutput(this, 'vpc_id', { value: vpcId });
    new TerraformOutput(this, 'private_subnet_ids', { value: privateSubnetIds });
    new TerraformOutput(this, 'client_security_group_id', {
      value: clients.securityGroupId,
      description: 'carried by processes that use the servers of the environment',
    });
  }
}
