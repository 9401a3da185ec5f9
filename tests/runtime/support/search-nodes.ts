import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { connectSearch, type SearchConnection, type SearchConnectOptions } from '../../../runtime/src/connections/opensearch/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { freePorts } from '../../support/ports.ts';

/** One request as it came over the wire. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Gives answers that a healthy cluster gives too rarely to wait for. */
export interface ScriptedNode {
  readonly host: string;
  readonly port: number;
  readonly seen: SeenRequest[];
  close(): Promise<void>;
}

export type Script = (request: SeenRequest, response: ServerResponse, count: number) => void;

/** A node that answers `/` and leaves the rest to `script`; `count` starts at 1 and leaves out requests for `/`. */
export async function scriptedNode(script: Script = (_, response) => json(response, 200, { ok: true })): Promise<ScriptedNode> {
  const seen: SeenRequest[] = [];
  const port = await freePorts();
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const { method = '', url = '', headers } = request;
    const arrived = { method, url, headers, body: Buffer.concat(parts) };
    if (url === '/' && method !== 'POST') return json(response, 200, { version: { number: '2.19.4' } });
    seen.push(arrived);
    script(arrived, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    ...{ host: '127.0.0.1', port, seen },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Handle of a search service on `ports` of this machine; plain text and without a password unless `change` says otherwise. */
export function searchHandle(
  ports: readonly number[],
  change: Partial<BoundService> = {},
  env: Record<string, string> = {},
): ServiceHandle {
  const endpoints = ports.map((port) => ({ purpose: 'node', host: '127.0.0.1', port }) as const);
  const service: BoundService = { kind: 'opensearch', role: 'search', endpoints, auth: { mode: 'none' }, ...change };
  return wrap({ search: service }, { env }).service('search');
}

/** Opens connections to scripted nodes; both are closed after each test. */
export function scriptedConnections() {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close();
  });
  return {
    opened,
    async connect(script: Script, options: SearchConnectOptions = {}): Promise<{ node: ScriptedNode; connection: SearchConnection }> {
      const node = await scriptedNode(script);
      opened.push(node);
      const connection = await connectSearch(searchHandle([node.port]), { maxRetryDelayMs: 60, ...options });
      opened.push(connection);
      return { node, connection };
    },
  };
}
