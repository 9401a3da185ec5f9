import { Network } from '@cdktf/provider-docker/lib/network';
import { Construct } from '../../core/framework.ts';

export interface DockerNetworkProps {
  readonly name: string;
  /** A network of /24. */
  readonly subnet: string;
}

/** Fixed addresses are given out from here on; the gateway has the first of the network. */
const firstFixed = 16;
const firstDynamic = 128;

/** The one network of an environment. Containers find each other by name; those that must be known by address get one that stays. */
export class DockerNetwork extends Construct {
  readonly name: string;
  private readonly prefix: string;
  private nextFixed = firstFixed;

  constructor(scope: Construct, id: string, { name, subnet }: DockerNetworkProps) {
    super(scope, id);
    this.prefix = subnet.slice(0, subnet.lastIndexOf('.'));
    const ipamConfig = [{ subnet, gateway: `${this.prefix}.1`, ipRange: `${this.prefix}.${firstDynamic}/25` }];
    this.name = new Network(this, 'Resource', { name, driver: 'bridge', ipamConfig }).name;
  }

  /** The same ones in the same order at every synthesis. */
  fixedAddress(): string {
    if (this.nextFixed >= firstDynamic)
      throw new RangeError(`the network has ${firstDynamic - firstFixed} fixed addresses, wanted one more`);
    return `${this.prefix}.${this.nextFixed++}`;
  }
}
