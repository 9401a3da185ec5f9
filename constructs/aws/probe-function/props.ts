import type { PolicyStatement } from '../../core/policy.ts';
import type { DocumentPlace } from '../foundation/binding-access.ts';
import type { NetworkReference } from '../network/index.ts';

export interface ProbeFunctionProps {
  readonly network: NetworkReference;
  /** Encrypts the log, the variables, the schedule, and the topology document that the function reads. */
  readonly encryptionKeyArn: string;
  readonly binding: DocumentPlace;
  /** ZIP archive of the code, an absolute path; it is copied beside the plan. */
  readonly code: string;
  /** What looking at each service takes, by the names of those that it looks at. */
  readonly looksAt: Readonly<Record<string, readonly PolicyStatement[]>>;
}
