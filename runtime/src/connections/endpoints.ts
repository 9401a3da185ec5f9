import type { ServiceHandle } from '../binding/index.ts';
import type { Endpoint, ServiceKind } from '../contracts/binding.ts';
import { MillraceError } from '../contracts/errors.ts';

/** Endpoints for the first of `purposes` that the service has any of. @throws {MillraceError} BINDING_INVALID when there are none. */
export function endpointsFor(handle: ServiceHandle, ...purposes: Endpoint['purpose'][]): [Endpoint, ...Endpoint[]] {
  for (const purpose of purposes) {
    const [first, ...rest] = handle.service.endpoints.filter((endpoint) => endpoint.purpose === purpose);
    if (first !== undefined) return [first, ...rest];
  }
  const present = handle.service.endpoints.map(({ purpose }) => purpose).join(', ');
  throw new MillraceError(
    'BINDING_INVALID',
    `service ${handle.name} needs an endpoint with purpose ${purposes.join(' or ')}, got ${present}; add one to the binding`,
  );
}

/** `host:port, host:port`, for messages. */
export function hostsOf(endpoints: readonly Endpoint[]): string {
  return endpoints.map(({ host, port }) => `${host}:${port}`).join(', ');
}

/** @throws {MillraceError} BINDING_NAME_UNKNOWN when the service is of another kind. */
export function requireKind(handle: ServiceHandle, connect: string, ...kinds: ServiceKind[]): void {
  if (kinds.includes(handle.service.kind)) return;
  throw new MillraceError(
    'BINDING_NAME_UNKNOWN',
    `${connect} takes a service of kind ${kinds.join(' or ')}, got ${handle.name}, which is of kind ${handle.service.kind}`,
  );
}

/** @throws {MillraceError} BINDING_INVALID when the service asks for a way of proving who you are that this version does not speak. */
export function requireAuthMode(handle: ServiceHandle, ...modes: Endpoint['authMode'][]): void {
  const { mode } = handle.service.auth;
  if (modes.includes(mode)) return;
  throw new MillraceError(
    'BINDING_INVALID',
    `service ${handle.name} has auth.mode ${mode}, which this version of the package cannot use for it yet; provision it with ${modes.join(', ')}`,
  );
}
