import type { BindingFragment, ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { Bindable } from '../../core/binding.ts';
import { Construct } from '../../core/framework.ts';
import { Connections, type SecurityGroupReference, type ServicePort } from './connections.ts';

/** What someone else keeps: what is known of it, and where it listens. */
export interface Imported<A> {
  readonly attributes: A;
  readonly ports: readonly ServicePort[];
}

/**
 * The public face of something with a security group, the same whether it is ours or another's.
 *
 * Made with `imported` it is complete. A construct of ours extends it and, in its constructor, assigns `connections` and `attributes` once they are known.
 */
export abstract class ConnectedReference<A extends SecurityGroupReference> extends Construct implements SecurityGroupReference {
  private known: A | undefined;
  private opened: Connections | undefined;

  constructor(scope: Construct, id: string, imported?: Imported<A>) {
    super(scope, id);
    if (imported === undefined) return;
    const { attributes, ports } = imported;
    this.attributes = attributes;
    this.connections = new Connections(this, 'Connections', { securityGroupId: attributes.securityGroupId, ports });
  }

  /** What is known of it from outside: enough to use `fromAttributes` elsewhere. */
  get attributes(): A {
    return this.assigned('attributes', this.known);
  }

  protected set attributes(attributes: A) {
    this.known = attributes;
  }

  /** Who may open connections to it: `connections.allowFrom('Orders', group)`. */
  get connections(): Connections {
    return this.assigned('connections', this.opened);
  }

  protected set connections(connections: Connections) {
    this.opened = connections;
  }

  get securityGroupId(): string {
    return this.attributes.securityGroupId;
  }

  private assigned<T>(what: string, value: T | undefined): T {
    if (value === undefined) throw new TypeError(`${this.node.path} must assign its ${what} before they are read`);
    return value;
  }
}

/** What is known of every server. */
export interface ServerAttributes extends SecurityGroupReference {
  /** Name of the service in the environment, and in the binding. */
  readonly service: string;
  readonly role: ServiceRole;
}

/** The public face of a server that services connect to. */
export abstract class ServerReference<A extends ServerAttributes> extends ConnectedReference<A> implements Bindable {
  abstract binding(): BindingFragment;
}
