import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import type { ServiceHandle } from '../binding/index.ts';
import { settledWithin } from '../connections/once.ts';
import { tlsOptions } from '../connections/tls.ts';
import type { Endpoint, ServiceKind } from '../contracts/binding.ts';
import type { FaultCode } from '../contracts/fault-guide.ts';
import { listed } from '../wording.ts';
import { type Greeted, greet, type Speech } from './greeting.ts';

/** Why an address cannot be used. */
export interface Obstacle {
  readonly code: FaultCode;
  readonly sentence: string;
}

const speechOf: Readonly<Record<ServiceKind, Speech>> = {
  redis: 'redis',
  'redis-sentinel': 'redis',
  postgres: 'postgres',
  rabbitmq: 'rabbitmq',
  kafka: 'kafka',
  opensearch: 'http',
  prometheus: 'http',
  alertmanager: 'http',
};

const names: Readonly<Record<Speech, string>> = {
  redis: 'the protocol of Redis',
  postgres: 'the protocol of PostgreSQL',
  rabbitmq: 'AMQP (RabbitMQ)',
  kafka: 'the protocol of Kafka',
  http: 'HTTP',
};

export interface Way {
  /** Those with the same fault in one sentence. */
  readonly obstacles: readonly Obstacle[];
  /** Whether nothing was found at one of the addresses, or there is none: then the reason is another. */
  readonly free: boolean;
}

/** Which of the addresses cannot be connected to. */
export function blockedAt(endpoints: readonly Endpoint[], limitMs: number): Promise<Way> {
  return wayTo(endpoints, (endpoint) => blockedBy(endpoint, limitMs));
}

/** What is wrong with each of the addresses at which clients failed; also what they find there. */
export function obstaclesAt(handle: ServiceHandle, endpoints: readonly Endpoint[], limitMs: number): Promise<Way> {
  return wayTo(endpoints, async (endpoint) => {
    const blocked = await blockedBy(endpoint, limitMs);
    return blocked.code === undefined ? misfit(handle, await greet(endpoint, await tlsOptions(handle), limitMs), limitMs) : blocked;
  });
}

async function wayTo(endpoints: readonly Endpoint[], look: (endpoint: Endpoint) => Promise<Finding>): Promise<Way> {
  const found = await Promise.all(endpoints.map(async (endpoint) => ({ endpoint, ...(await look(endpoint)) })));
  const groups = new Map<string, { code: FaultCode; rest: string; addresses: Set<string> }>();
  for (const { endpoint, code, rest } of found) {
    if (code === undefined) continue;
    const group = groups.get(code + rest) ?? { code, rest, addresses: new Set() };
    group.addresses.add(code === 'ENDPOINT_UNRESOLVED' ? endpoint.host : `${endpoint.host}:${endpoint.port}`);
    groups.set(code + rest, group);
  }
  return {
    obstacles: [...groups.values()].map(({ code, rest, addresses }) => ({ code, sentence: `${listed([...addresses])}: ${rest}` })),
    free: found.length === 0 || found.some(({ code }) => code === undefined),
  };
}

type Finding = { readonly code?: undefined; readonly rest?: undefined } | { readonly code: FaultCode; readonly rest: string };

async function blockedBy(endpoint: Endpoint, limitMs: number): Promise<Finding> {
  const unresolved = isIP(endpoint.host) === 0 ? await lookUp(endpoint.host, limitMs) : undefined;
  if (unresolved !== undefined) return { code: 'ENDPOINT_UNRESOLVED', rest: `the name cannot be resolved (${unresolved})` };
  const failure = await knock(endpoint, limitMs);
  if (failure === undefined) return {};
  if (failure === 'ECONNREFUSED') return { code: 'ENDPOINT_REFUSED', rest: 'connections are refused, nothing listens there' };
  return { code: 'ENDPOINT_UNREACHABLE', rest: `no connection can be opened (${failure})` };
}

/** What speaks against the binding in what was met. */
function misfit({ service: { kind, tls } }: ServiceHandle, met: Greeted, limitMs: number): Finding {
  const wanted = speechOf[kind];
  if (met.speech !== undefined && met.speech !== wanted) {
    return { code: 'ENDPOINT_OTHER_KIND', rest: `${names[met.speech]} is spoken there, and the binding has it as ${kind}` };
  }
  if (met.tls === true && tls === undefined)
    return { code: 'ENDPOINT_WANTS_TLS', rest: 'TLS is spoken there, and the binding has no `tls` for it' };
  if (met.tls === false && tls !== undefined)
    return { code: 'ENDPOINT_WITHOUT_TLS', rest: 'plain text is spoken there, and the binding asks for TLS' };
  if (met.tls === undefined && met.speech === undefined) {
    return { code: 'ENDPOINT_SILENT', rest: `connections are taken and nothing is answered within ${Math.round(limitMs)} ms` };
  }
  return {};
}

async function lookUp(host: string, limitMs: number): Promise<string | undefined> {
  try {
    return (await settledWithin(lookup(host), limitMs)) ? undefined : `no answer within ${Math.round(limitMs)} ms`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** The code of the failure to open a TCP connection. */
function knock({ host, port }: Endpoint, limitMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (failure?: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(failure);
    };
    const timer = setTimeout(() => end(`no answer within ${Math.round(limitMs)} ms`), limitMs);
    socket.once('connect', () => end());
    socket.once('error', (error: NodeJS.ErrnoException) => end(codeOf(error)));
  });
}

/** A name with several addresses fails with the errors of all. */
function codeOf(error: NodeJS.ErrnoException & { errors?: readonly NodeJS.ErrnoException[] }): string {
  return error.code ?? error.errors?.[0]?.code ?? error.message;
}
