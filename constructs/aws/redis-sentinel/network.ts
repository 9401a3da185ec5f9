import { Construct } from '../../core/framework.ts';
import { allowTcp, Connections, type ServicePort } from '../foundation/connections.ts';
import { SecurityGroup } from '../foundation/security-group.ts';
import type { NetworkReference } from '../network/index.ts';
import { allowToUnknownEndpoints } from '../network/unknown-endpoints.ts';
import type { RedisSentinelAttributes } from './props.ts';
import type { ResolvedRedisSentinel } from './resolve.ts';

const https = 443;

/** Redis first: what listens on every machine. */
export function servicePorts({ redis, sentinel }: RedisSentinelAttributes['ports']): ServicePort[] {
  return [
    { port: redis, description: 'Redis' },
    { port: sentinel, description: 'Sentinel' },
  ];
}

/** Who may speak with the machines of a set, and with whom they may: its clients, each other, AWS services. Nothing leads to the world. */
export class SentinelNetwork extends Construct {
  readonly group: SecurityGroup;
  readonly connections: Connections;

  constructor(scope: Construct, id: string, { service, network, ports }: ResolvedRedisSentinel) {
    super(scope, id);
    this.group = new SecurityGroup(this, 'SecurityGroup', { vpcId: network.vpcId, name: service, description: `machines of ${service}` });
    const { securityGroupId } = this.group;
    this.connections = new Connections(this, 'Connections', { securityGroupId, ports: servicePorts(ports) });
    this.connections.allowFrom('Clients', network.clients);
    this.connections.allowAmongMembers('Members', servicePorts(ports));
    if (network.endpoints === undefined) allowToUnknownEndpoints(this, this.group, network.vpcId);
    else this.allowToEndpoints(network.endpoints);
  }

  private allowToEndpoints({ interfaces, s3PrefixListId }: NonNullable<NetworkReference['endpoints']>): void {
    this.group.allowToService('S3Out', s3PrefixListId, { port: https, description: 'S3 through its gateway endpoint' });
    if (interfaces === undefined) return;
    allowTcp(this, 'Services', { client: this.group, server: interfaces, port: https, description: 'machines of Redis to AWS services' });
  }
}
