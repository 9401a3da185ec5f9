import { EncryptionKey } from '../constructs/aws/foundation/encryption-key.ts';
import { Network, type NetworkReference } from '../constructs/aws/network/index.ts';
import { defaultInterfaceEndpoints } from '../constructs/aws/network/resolve.ts';
import { type Construct, TerraformOutput } from '../constructs/core/framework.ts';
import { servicesOf } from '../runtime/src/contracts/topology.ts';
import { AwsStack, type AwsStackProps } from './base.ts';

/** Each endpoint costs about 7 USD a month and zone, so those of machines and containers are there only where such run. */
const machineEndpoints = [
  // Sessions on machines. Agents of Systems Manager from 3.3.40 on no longer need ec2messages.
  'ssmmessages',
] as const;
/** The role that administers a domain of OpenSearch, for whoever applies the topology: it is assumed first. */
const searchEndpoints = ['sts'] as const;
/** Images for containers; their layers come from S3. */
const containerEndpoints = ['ecr.api', 'ecr.dkr'] as const;

type OwnNetwork = Extract<AwsStackProps['environment']['engine']['network'], { kind: 'own' }>;

/** What all other stacks of an environment stand on and what changes least: the network, and the key that encrypts data at rest. */
export class NetworkStack extends AwsStack {
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;

  constructor(scope: Construct, props: AwsStackProps) {
    super(scope, 'network', props);
    this.encryptionKeyArn = new EncryptionKey(this, 'EncryptionKey', { alarms: true }).keyArn;
    const { network } = props.environment.engine;
    this.network =
      network.kind === 'own' ? this.defineNetwork(network, props.environment) : Network.fromAttributes(this, 'Network', network);
    this.defineOutputs();
  }

  private defineNetwork({ cidr, peers = [] }: OwnNetwork, { services, workers, topology }: AwsStackProps['environment']): Network {
    const needed = [
      ...defaultInterfaceEndpoints,
      ...(Object.values(services).some(({ kind }) => kind === 'redis-sentinel') ? machineEndpoints : []),
      ...(servicesOf(topology).some((name) => services[name]?.kind === 'opensearch') ? searchEndpoints : []),
      ...(Object.keys(workers).length > 0 ? containerEndpoints : []),
    ];
    return new Network(this, 'Network', { cidr, peers, interfaceEndpoints: needed, encryptionKeyArn: this.encryptionKeyArn });
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
