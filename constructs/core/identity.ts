import type { Size } from '../../environments/schema.ts';
import { type Construct, TerraformStack } from './framework.ts';

/** What every construct may know about the environment it belongs to. */
export interface EnvironmentIdentity {
  /** Name of the environment; prefix of every resource name. */
  readonly name: string;
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
  readonly zones: readonly string[];
  readonly size: Size;
  /** Whether what holds data refuses to be destroyed. */
  readonly deletionProtection: boolean;
  /** How long servers' logs are kept. */
  readonly serverLogDays: number;
  /** How long backups are kept. */
  readonly backupDays: number;
}

/** A stack that knows which environment it is a part of. */
export class EnvironmentStack extends TerraformStack {
  readonly identity: EnvironmentIdentity;

  constructor(scope: Construct, id: string, identity: EnvironmentIdentity) {
    super(scope, id);
    this.identity = identity;
  }
}

/**
 * The environment that `construct` belongs to.
 *
 * @throws {TypeError} when it stands in a stack that is no `EnvironmentStack`.
 */
export function identityOf(construct: Construct): EnvironmentIdentity {
  const stack = TerraformStack.of(construct);
  if (stack instanceof EnvironmentStack) return stack.identity;
  throw new TypeError(`${construct.node.path} must stand in an EnvironmentStack, got the stack ${stack.node.id}`);
}
