import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import type { TlsOptions } from './tls.ts';

/** A question to the JSON interface that a server has below `/api`. */
export interface ApiQuestion {
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api`, its parts encoded: `/queues/%2F/emails`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
}

/** Sends a question on its way to one node. */
export interface ApiLine {
  readonly host: string;
  readonly port: number;
  readonly agent: http.Agent;
  readonly tls: TlsOptions | undefined;
  readonly signal: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** An agent that keeps its connections; they die with it. */
export function keepAliveAgent(tls: boolean): http.Agent {
  // As many as a comparison asks at once.
  const options = { keepAlive: true, maxSockets: 4 };
  return tls ? new https.Agent(options) : new http.Agent(options);
}

/** One request; all that are made here may be repeated, so one that met a connection which the server had closed meanwhile is sent again. */
export function sendQuestion(line: ApiLine, question: ApiQuestion, authorization: string, again = true): Promise<ApiAnswer> {
  const { method = 'GET', path, body } = question;
  const { tls, signal, ...address } = line;
  const content = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    ...address,
    ...tls,
    ...{ method, signal, path: `/api${path}` },
    headers: {
      authorization,
      ...(content !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
    },
  };
  return new Promise((resolve, reject) => {
    const request = tls === undefined ? http.request(options) : https.request(options);
    request.on('error', (error) => {
      if (again && request.reusedSocket && !signal.aborted) sendQuestion(line, question, authorization, false).then(resolve, reject);
      else reject(error);
    });
    request.on('response', (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, text: answer }), reject);
    });
    request.end(content);
  });
}
