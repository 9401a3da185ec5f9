import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';

/** Where a server answers over HTTP, and as whom to ask it. */
export interface HttpAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** PEM file of the authority that signed its certificate; plain text without. */
  readonly caFile?: string | undefined;
}

export interface HttpQuestion {
  readonly path: string;
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: object;
  readonly signal: AbortSignal;
  /** Ask as the owner of this certificate instead of as the user. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own, which is closed afterwards. */
export async function askHttp({ host, port, user, password, caFile }: HttpAddress, question: HttpQuestion): Promise<HttpAnswer> {
  const { path, method = 'GET', body, signal, client } = question;
  const options = {
    ...{ host, port, path, method, signal, agent: false as const },
    headers: { connection: 'close', ...(body && { 'content-type': 'application/json' }) },
    ...(client ?? { auth: `${user}:${password}` }),
  };
  const request = caFile === undefined ? http.request(options) : https.request({ ...options, ca: readFileSync(caFile) });
  return new Promise<HttpAnswer>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
    request.end(body && JSON.stringify(body));
  });
}

/** The text of an answer. @throws {Error} with the status when it is not 2xx */
export async function askSuccess(address: HttpAddress, question: HttpQuestion): Promise<string> {
  const { status, body } = await askHttp(address, question);
  if (status >= 200 && status <= 299) return body;
  throw new Error(`${question.path} answers with status ${status}`);
}
