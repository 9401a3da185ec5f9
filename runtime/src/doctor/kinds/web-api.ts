import type { ServiceHandle } from '../../binding/index.ts';
import { keepAliveAgent, sendQuestion } from '../../connections/api-request.ts';
import { endpointsFor, hostsOf } from '../../connections/endpoints.ts';
import { tlsOptions } from '../../connections/tls.ts';
import { tlsFailure } from '../../connections/tls-errors.ts';
import { MillraceError } from '../../contracts/errors.ts';
import type { Ground } from '../examination.ts';

const ok = 200;
const refused: ReadonlySet<number> = new Set([401, 403]);

/** Asks the JSON interface that Prometheus and Alertmanager have below `/api`. */
export interface WebApi extends AsyncDisposable {
  /** @throws {MillraceError} CONNECTION_FAILED, CONNECTION_TIMEOUT, CONNECTION_TLS_FAILED, CONNECTION_REFUSED_CREDENTIALS, SECRET_UNAVAILABLE */
  ask<T>(path: string): Promise<T>;
}

export function webApi({ handle, limits, signal }: Pick<Ground, 'handle' | 'limits' | 'signal'>): WebApi {
  const [{ host, port }] = endpointsFor(handle, 'primary');
  const agent = keepAliveAgent(handle.service.tls !== undefined);
  const where = `${handle.service.kind} service ${handle.name} (${hostsOf([{ purpose: 'primary', host, port }])})`;
  return {
    async ask<T>(path: string): Promise<T> {
      const late = AbortSignal.timeout(limits.answerMs);
      const line = { host, port, agent, tls: await tlsOptions(handle), signal: AbortSignal.any([signal, late]) };
      const authorization = await authorizationOf(handle);
      const answer = await sendQuestion(line, { path }, authorization).catch((cause: unknown) => {
        if (late.aborted) throw new MillraceError('CONNECTION_TIMEOUT', `no answer from ${where} within ${limits.answerMs} ms`, { cause });
        throw tlsFailure(cause, where) ?? new MillraceError('CONNECTION_FAILED', `no connection to ${where}: ${String(cause)}`, { cause });
      });
      if (refused.has(answer.status))
        throw new MillraceError('CONNECTION_REFUSED_CREDENTIALS', `${where} refused the user or password (${answer.status})`);
      const body = answer.status === ok ? parsed(answer.text) : undefined;
      if (body === undefined) throw new MillraceError('CONNECTION_FAILED', `${where} answered ${path} with status ${answer.status}`);
      return body as T;
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
    },
  };
}

async function authorizationOf({ service: { auth }, secret }: ServiceHandle): Promise<string> {
  if (auth.secretRef === undefined) return '';
  return `Basic ${Buffer.from(`${auth.username ?? ''}:${await secret(auth.secretRef)}`).toString('base64')}`;
}

/** Undefined where it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
