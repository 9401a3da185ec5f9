import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { freePorts } from '../../support/ports.ts';

/** What AWS says instead of an answer: an error by its name, or nothing at all. */
export type Trouble = { readonly status: number; readonly name: string } | 'silence';

/** Stands between the SDK and moto: notes what is asked, and can answer in moto's place. */
export interface AwsGate {
  readonly endpoint: string;
  /** Every request, oldest first: `secretsmanager.GetSecretValue`, `GET /bucket/key`. */
  readonly asked: string[];
  /** What requests meet from now on; undefined: moto. */
  trouble: Trouble | undefined;
  close(): Promise<void>;
}

/** Starts a gate in front of `target`. */
export async function startAwsGate(target: string): Promise<AwsGate> {
  const port = await freePorts();
  const gate: { trouble: Trouble | undefined; readonly asked: string[] } = { trouble: undefined, asked: [] };
  const server = createServer((incoming, answer) => {
    gate.asked.push(String(incoming.headers['x-amz-target'] ?? `${incoming.method} ${incoming.url?.split('?')[0]}`));
    if (gate.trouble === undefined) forward(target, incoming, answer);
    else if (gate.trouble !== 'silence') refuse(gate.trouble, answer);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(gate, {
    endpoint: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function forward(target: string, incoming: IncomingMessage, answer: ServerResponse): void {
  const { method, headers, url } = incoming;
  const outgoing = request(`${target}${url}`, { method: method!, headers }, (response) => {
    answer.writeHead(response.statusCode!, response.headers);
    response.pipe(answer);
  });
  outgoing.on('error', () => answer.destroy());
  incoming.pipe(outgoing);
}

function refuse({ status, name }: Exclude<Trouble, 'silence'>, answer: ServerResponse): void {
  answer.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': name });
  answer.end(JSON.stringify({ __type: name, message: 'as AWS says it' }));
}
