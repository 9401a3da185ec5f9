import type { ServiceHandle } from '../../binding/index.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import { postgresError } from './errors.ts';

/** The password of a service, which may change while connections are open. */
export interface RotatingSecret {
  /** For a new connection. After one that did not come about, nothing will do that a store has kept. */
  read(): Promise<string>;
  /** The server took it. */
  accepted(): void;
}

/** Undefined where the service asks for none. */
export function rotatingSecret(handle: ServiceHandle): RotatingSecret | undefined {
  const { secretRef } = handle.service.auth;
  if (secretRef === undefined) return undefined;
  let fresh = false;
  return {
    read() {
      const secret = handle.secret(secretRef, { fresh });
      fresh = true;
      return secret;
    },
    accepted() {
      fresh = false;
    },
  };
}

/** Connects, once more when the server refused what may have been the secret before a rotation. */
export async function unlessRefused<T>(connect: () => Promise<T>, where: string): Promise<T> {
  try {
    return await connect();
  } catch (error) {
    if (!isMillraceError(postgresError(error, where), 'CONNECTION_REFUSED_CREDENTIALS')) throw error;
    return connect();
  }
}
