import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { adminUser } from './security.ts';

export interface OpenSearchAddress {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** PEM file of the authority that signed its certificate; plain text without. */
  readonly caFile?: string | undefined;
}

export interface Question {
  readonly path: string;
  /** @default GET */
  readonly method?: 'GET' | 'PUT' | 'DELETE';
  readonly body?: object;
  readonly signal: AbortSignal;
  /** Ask as the owner of this certificate instead of as a user with a password. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own, which is closed afterwards. */
export async function askOpenSearch({ host, port, password, caFile }: OpenSearchAddress, question: Question): Promise<Answer> {
  const { path, method = 'GET', body, signal, client } = question;
  const options = {
    ...{ host, port, path, method, signal, agent: false as const },
    headers: { connection: 'close', ...(body && { 'content-type': 'application/json' }) },
    ...(client ?? { auth: `${adminUser}:${password}` }),
  };
  const request = caFile === undefined ? http.request(options) : https.request({ ...options, ca: readFileSync(caFile) });
  return new Promise<Answer>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
    request.end(body && JSON.stringify(body));
  });
}
