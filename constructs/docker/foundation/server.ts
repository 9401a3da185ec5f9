import type { ResolvedSettings } from '../../../environments/size.ts';
import type { BindingFragment, BoundService, ServiceKind, ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import { aclRulesOf } from '../../../runtime/src/contracts/redis-acl.ts';
import { ownedBy, type Topology } from '../../../runtime/src/contracts/topology.ts';
import type { BoundServer } from '../../../servers/bound.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import { serviceUsers } from '../../../servers/redis/users.ts';
import type { Bindable } from '../../core/binding.ts';
import { Construct } from '../../core/framework.ts';
import type { ServerContainer, View } from './container.ts';
import type { DockerGround } from './ground.ts';

/** What every construct of a service takes. */
export interface DockerServiceProps<K extends ServiceKind> {
  readonly ground: DockerGround;
  /** Name of the service. */
  readonly service: string;
  readonly role: ServiceRole;
  readonly settings: ResolvedSettings<K>;
}

/** A service in containers, which are bound for programs of this machine and for other containers. */
export abstract class DockerService<P extends DockerServiceProps<ServiceKind> = DockerServiceProps<ServiceKind>>
  extends Construct
  implements Bindable
{
  abstract readonly containers: readonly ServerContainer[];
  protected readonly props: P;

  constructor(scope: Construct, id: string, props: P) {
    super(scope, id);
    this.props = props;
  }

  /** For programs of this machine. */
  binding(): BindingFragment {
    return { [this.node.id]: this.boundFor('host') };
  }

  /** What its binding says to those who reach it from there. */
  abstract boundFor(view: View): BoundService;
}

/** Path of a secret's file, relative to the binding. */
export function secretFile(id: string): string {
  return `secrets/${id}`;
}

/** What the bindings of all servers of an environment say alike. */
export function boundServer({ ground, service, role }: Pick<DockerServiceProps<ServiceKind>, 'ground' | 'service' | 'role'>): BoundServer {
  return { role, tls: ground.tls ? { caRef: { from: 'file', id: 'tls/ca.pem' } } : undefined, passwordFile: secretFile(service) };
}

/** Users that the topology declares for a Redis: for its file of users, and for its binding. */
export function usersFor({ aclUsers, ...topology }: Topology, service: string) {
  const users = ownedBy(aclUsers, service).map(([name]) => ({ name, rules: aclRulesOf({ aclUsers, ...topology }, name) }));
  return serviceUsers({ name: service, users, secret: (id) => ({ hash: given.sha256(id), ref: secretFile(id) }) });
}
