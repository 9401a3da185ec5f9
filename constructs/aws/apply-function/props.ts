import type { PolicyStatement } from '../../core/policy.ts';
import type { NetworkReference } from '../network/index.ts';
import type { BindingPlace } from '../worker/props.ts';

export interface ApplyFunctionProps {
  readonly network: NetworkReference;
  /** Encrypts the log, the variables, and the topology document that the function reads. */
  readonly encryptionKeyArn: string;
  readonly binding: BindingPlace;
  /** SHA-256 of the topology document, hexadecimal. */
  readonly topologyHash: string;
  /** ZIP archive of the code, an absolute path; it is copied beside the plan. */
  readonly code: string;
  /** What administering each service takes, by the names of those that the topology has objects for. */
  readonly administers: Readonly<Record<string, readonly PolicyStatement[]>>;
  /** Changes that may cost messages or documents, by their names. @default none */
  readonly allowDestroy?: readonly string[];
}
