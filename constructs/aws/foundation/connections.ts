import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule';
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule';
import { Construct } from '../../core/framework.ts';

/** A security group, ours or another's. */
export interface SecurityGroupReference {
  readonly securityGroupId: string;
}

/** One port that a service listens on. */
export interface ServicePort {
  readonly port: number;
  /** What speaks there, shown in the console: `Kafka with IAM`. */
  readonly description: string;
}

/** The port that clients of a service use. */
export function clientPort(port: number, service: string): ServicePort {
  return { port, description: `clients to ${service}` };
}

export interface ConnectionsProps {
  readonly securityGroupId: string;
  readonly ports: readonly ServicePort[];
}

/** Who may open connections to a service: its security group, and the ports that are its own. */
export class Connections extends Construct implements SecurityGroupReference {
  readonly securityGroupId: string;
  readonly ports: readonly ServicePort[];

  constructor(scope: Construct, id: string, { securityGroupId, ports }: ConnectionsProps) {
    super(scope, id);
    this.securityGroupId = securityGroupId;
    this.ports = ports;
  }

  /** Opens the ports of the service to the members of `client`, and lets them out to it. */
  allowFrom(id: string, client: SecurityGroupReference): void {
    for (const port of this.ports) {
      // The id of the only port is that of the rule, so that a second port does not replace the first one's.
      const suffix = port === this.ports[0] ? '' : `-${port.port}`;
      allowTcp(this, `${id}${suffix}`, { client, server: this, ...port });
    }
  }

  /** Opens the ports of the service among its own members. */
  allowAmongMembers(id: string, ports: readonly ServicePort[]): void {
    for (const port of ports) allowTcp(this, `${id}-${port.port}`, { client: this, server: this, ...port });
  }
}

interface TcpRule extends ServicePort {
  readonly client: SecurityGroupReference;
  readonly server: SecurityGroupReference;
}

/** Both halves of one way: into `server`, and out of `client`. */
export function allowTcp(scope: Construct, id: string, { client, server, port, description }: TcpRule): void {
  const rule = { ipProtocol: 'tcp', fromPort: port, toPort: port, description };
  new VpcSecurityGroupIngressRule(scope, `${id}In`, {
    ...rule,
    securityGroupId: server.securityGroupId,
    referencedSecurityGroupId: client.securityGroupId,
  });
  new VpcSecurityGroupEgressRule(scope, `${id}Out`, {
    ...rule,
    securityGroupId: client.securityGroupId,
    referencedSecurityGroupId: server.securityGroupId,
  });
}
