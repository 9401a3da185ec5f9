import type { PostgresConnection } from '../connections/postgres/index.ts';
import { type CheckOptions, checkIdentity, type HealthCheck } from './check.ts';

export interface PostgresCheckOptions extends CheckOptions {
  /** `down` when the server is a standby. @default true */
  readonly writable?: boolean;
}

/** Looks at a PostgreSQL server through the pool of `connection`; a pool with no free connection is `degraded` and is not made to wait longer. */
export function postgresCheck(connection: PostgresConnection, options: PostgresCheckOptions = {}): HealthCheck {
  return {
    ...checkIdentity(options, connection.name),
    componentType: 'datastore',
    async check(signal) {
      const { postgresLook } = await import('./postgres-look.ts');
      return postgresLook(connection, options.writable ?? true, signal);
    },
  };
}
