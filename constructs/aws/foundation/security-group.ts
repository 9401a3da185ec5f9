import { SecurityGroup as Resource } from '@cdktf/provider-aws/lib/security-group';
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { resourceName } from '../../core/naming.ts';
import { allowTcp, Connections, type SecurityGroupReference, type ServicePort } from './connections.ts';

export interface SecurityGroupProps {
  readonly vpcId: string;
  /** Last parts of the name, after the environment's. */
  readonly name: string;
  /** Shown in the console; a change replaces the group. */
  readonly description: string;
}

/** A security group that begins closed both ways; every rule is a resource of its own with a description. */
export class SecurityGroup extends Construct implements SecurityGroupReference {
  readonly securityGroupId: string;

  constructor(scope: Construct, id: string, { vpcId, name, description }: SecurityGroupProps) {
    super(scope, id);
    const fullName = resourceName(identityOf(this), name);
    const group = new Resource(this, 'Resource', { vpcId, name: fullName, description, tags: { Name: fullName } });
    this.securityGroupId = group.id;
  }

  /** Opens `port` to the members of `client`, and lets them out to it. */
  allowFrom(id: string, client: SecurityGroupReference, port: ServicePort): void {
    allowTcp(this, id, { client, server: this, ...port });
  }

  /** Lets members out to the addresses of an AWS service, `prefixListId` of its gateway endpoint. */
  allowToService(id: string, prefixListId: string, { port, description }: ServicePort): void {
    new VpcSecurityGroupEgressRule(this, id, {
      securityGroupId: this.securityGroupId,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      prefixListId,
      description,
    });
  }
}

/** A server as its network sees it. */
export interface ServerPlace {
  readonly service: string;
  readonly network: { readonly vpcId: string; readonly clients: SecurityGroupReference };
  /** What the group is of, `brokers of log`; a change replaces it. */
  readonly description: string;
  readonly ports: readonly ServicePort[];
}

/** The security group of a server, with its ports open to the clients of the network. */
export function openToClients(scope: Construct, { service, network, description, ports }: ServerPlace): Connections {
  const { securityGroupId } = new SecurityGroup(scope, 'SecurityGroup', { vpcId: network.vpcId, name: service, description });
  const connections = new Connections(scope, 'Connections', { securityGroupId, ports });
  connections.allowFrom('Clients', network.clients);
  return connections;
}
