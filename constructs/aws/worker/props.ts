import type { WorkerDeclaration } from '../../../environments/schema.ts';
import type { ServiceKind, ServiceRole } from '../../../runtime/src/contracts/binding.ts';
import type { PolicyStatement } from '../../core/policy.ts';
import type { DocumentPlace } from '../foundation/binding-access.ts';
import type { NetworkReference } from '../network/index.ts';

/** Where tasks run. */
export interface ClusterReference {
  readonly clusterArn: string;
  readonly clusterName: string;
}

/** A service of the environment, and what connecting to it takes. */
export interface ConnectableService {
  readonly kind: ServiceKind;
  readonly role: ServiceRole;
  readonly connectStatements: readonly PolicyStatement[];
  /** What publishing takes, where that is more than connecting. @default as connecting */
  readonly publishStatements?: readonly PolicyStatement[];
}

/** The documents that a program of the package reads before it connects. */
export interface BindingPlace extends DocumentPlace {
  /** Generation of the binding, which is another one for every content. */
  readonly generation: string;
  /** Bucket with the archive of the log. @default there is none */
  readonly archiveBucket?: string;
}

export interface WorkerProps {
  /** Name of the worker in the environment. */
  readonly name: string;
  readonly declaration: WorkerDeclaration;
  readonly network: NetworkReference;
  /** Encrypts the log, and the topology document that the worker reads. */
  readonly encryptionKeyArn: string;
  readonly cluster: ClusterReference;
  readonly binding: BindingPlace;
  /** All services of the environment by name; the worker gets what it needs for those that its arguments mean, and no other. */
  readonly services: Readonly<Record<string, ConnectableService>>;
}

/** What is known of a worker from outside: enough to reach its metrics, to grant it access and to watch it. */
export interface WorkerAttributes {
  readonly name: string;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly securityGroupId: string;
  /** Role of the program, not the one that starts its container. */
  readonly taskRoleName: string;
}
