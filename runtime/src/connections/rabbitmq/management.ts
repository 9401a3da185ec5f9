import type { Agent } from 'node:http';
import type { ServiceHandle } from '../../binding/index.ts';
import type { Endpoint } from '../../contracts/binding.ts';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { type ApiAnswer, type ApiQuestion, keepAliveAgent, sendQuestion } from '../api-request.ts';
import { requireKind } from '../endpoints.ts';
import { tlsOptions } from '../tls.ts';
import { rabbitError } from './errors.ts';

import { type RabbitTarget, rabbitTarget } from './settings.ts';

export type ManagementQuestion = ApiQuestion;

/** What the management interface said; a refusal of the object itself (400, 404) is an answer like others. */
export interface ManagementAnswer {
  readonly status: number;
  /** Parsed JSON; undefined where there was none. */
  readonly body: unknown;
}

/** The management interface of a broker. Nothing is open until the first question. */
export interface RabbitManagement extends AsyncDisposable {
  readonly vhost: string;
  /** For messages: `rabbitmq service tasks (127.0.0.1:15671)`. */
  readonly where: string;
  /**
   * Asks the node that answered last, and the others when it does not.
   *
   * @throws {MillraceError} CONNECTION_FAILED when no node answers in time; CONNECTION_TLS_FAILED, CONNECTION_REFUSED_CREDENTIALS and ACCESS_DENIED at once;
   * SECRET_UNAVAILABLE when the password cannot be read; CONNECTION_CLOSED after its end.
   */
  ask(question: ManagementQuestion): Promise<ManagementAnswer>;
}

export interface ManagementOptions {
  /** Time that an answer may take, all nodes together. @default 10_000 */
  readonly timeoutMs?: number;
  /** Aborts what is under way. */
  readonly signal?: AbortSignal;
}

const unauthorized = 401;
const forbidden = 403;
const serverFault = 500;

/**
 * The management interface that the binding names with endpoints of purpose `management`: HTTPS with the binding's authority where the service has `tls`.
 *
 * A password that is refused is read again, and tried again if it has changed since. The user needs the tag `management`, or one that includes it.
 *
 * @throws {MillraceError} BINDING_INVALID when the binding lacks such endpoints, user or secret.
 */
export function managementOf(handle: ServiceHandle, options: ManagementOptions = {}): RabbitManagement {
  requireKind(handle, 'managementOf', 'rabbitmq');
  const target = rabbitTarget(handle, ['management']);
  const agent = keepAliveAgent(handle.service.tls !== undefined);
  // A node that does not answer must leave time for the others.
  const attemptTimeoutMs = Math.ceil((options.timeoutMs ?? 10_000) / target.endpoints.length);
  const closing = new AbortController();
  const stop = options.signal === undefined ? closing.signal : AbortSignal.any([options.signal, closing.signal]);
  const caller = { handle, target, agent, attemptTimeoutMs, stop };
  let preferred = target.endpoints[0];
  return {
    vhost: target.vhost,
    where: target.where,
    async ask(question) {
      let failure: unknown;
      for (const endpoint of [preferred, ...target.endpoints.filter((each) => each !== preferred)]) {
        try {
          const answer = await askNode(caller, endpoint, question);
          preferred = endpoint;
          return answer;
        } catch (error) {
          if (!isMillraceError(error, 'CONNECTION_FAILED')) throw error;
          failure = error;
        }
      }
      throw failure;
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new MillraceError('CONNECTION_CLOSED', `${target.where} is asked no more`));
      agent.destroy();
    },
  };
}

interface Caller {
  readonly handle: ServiceHandle;
  readonly target: RabbitTarget;
  readonly agent: Agent;
  readonly attemptTimeoutMs: number;
  /** Of the caller, and of the end of the interface. */
  readonly stop: AbortSignal;
}

async function askNode(caller: Caller, endpoint: Endpoint, question: ManagementQuestion): Promise<ManagementAnswer> {
  const { target } = caller;
  let password = await target.password();
  let answer = await send(caller, endpoint, question, password);
  if (answer.status === unauthorized) {
    const fresh = await target.password(true);
    if (fresh !== password) answer = await send(caller, endpoint, question, fresh);
    password = fresh;
  }
  if (answer.status === unauthorized || answer.status === forbidden) {
    // The interface answers an unknown user and one without the right to this alike; whoever may ask who he is, is known.
    const { status } = await send(caller, endpoint, { path: '/whoami' }, password);
    throw status === unauthorized ? refusedCredentials(target) : denied(target, question, parsed(answer, target).body);
  }
  if (answer.status >= serverFault) {
    throw new MillraceError(
      'CONNECTION_FAILED',
      `${target.where} cannot answer now: status ${answer.status} from ${endpoint.host}:${endpoint.port}`,
    );
  }
  return parsed(answer, target);
}

async function send(caller: Caller, { host, port }: Endpoint, question: ManagementQuestion, password: string): Promise<ApiAnswer> {
  const { handle, target, agent, attemptTimeoutMs, stop } = caller;
  const tls = await tlsOptions(handle);
  const late = AbortSignal.timeout(attemptTimeoutMs);
  const signal = AbortSignal.any([stop, late]);
  const authorization = `Basic ${Buffer.from(`${target.username}:${password}`).toString('base64')}`;
  try {
    return await sendQuestion({ host, port, agent, tls, signal }, question, authorization);
  } catch (error) {
    if (stop.aborted) throw stop.reason;
    if (late.aborted) {
      const text = `no answer from ${host}:${port} of ${target.where} within ${attemptTimeoutMs} ms`;
      throw new MillraceError('CONNECTION_FAILED', text, { cause: error });
    }
    throw rabbitError(error, target.where);
  }
}

function parsed({ status, text }: ApiAnswer, { where }: RabbitTarget): ManagementAnswer {
  if (text === '') return { status, body: undefined };
  try {
    return { status, body: JSON.parse(text) };
  } catch (cause) {
    const sentence = `${where} answered with status ${status} and no JSON; correct the endpoint of purpose management in the binding`;
    throw new MillraceError('CONNECTION_FAILED', sentence, { cause, retriable: false });
  }
}

function refusedCredentials({ where, username }: RabbitTarget): MillraceError {
  return new MillraceError(
    'CONNECTION_REFUSED_CREDENTIALS',
    `${where} refused user ${username} or the password at the management interface, which takes users with the tag management or a higher one`,
  );
}

function denied({ where, username }: RabbitTarget, { method = 'GET', path }: ManagementQuestion, body: unknown): MillraceError {
  const reason = reasonOf(body);
  return new MillraceError(
    'ACCESS_DENIED',
    `${where} does not permit user ${username} to ${method} ${path}${reason === undefined ? '' : ` (${reason})`}; grant it with rabbitmqctl set_permissions`,
  );
}

/** The words of a refusal. */
export function reasonOf(body: unknown): string | undefined {
  const { reason } = (body ?? {}) as { reason?: unknown };
  return typeof reason === 'string' ? reason : undefined;
}
