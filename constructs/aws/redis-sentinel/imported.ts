import type { Construct } from '../../core/framework.ts';
import { Connections } from '../foundation/connections.ts';
import { servicePorts } from './network.ts';
import type { RedisSentinelAttributes } from './props.ts';
import { RedisSentinelReference } from './reference.ts';

/** A set that someone else keeps. */
export class ImportedRedisSentinel extends RedisSentinelReference {
  readonly attributes: RedisSentinelAttributes;
  readonly connections: Connections;

  constructor(scope: Construct, id: string, attributes: RedisSentinelAttributes) {
    super(scope, id);
    this.attributes = attributes;
    const { securityGroupId, ports } = attributes;
    this.connections = new Connections(this, 'Connections', { securityGroupId, ports: servicePorts(ports) });
  }
}
