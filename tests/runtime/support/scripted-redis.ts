import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Certificate } from '../../../servers/tls/authority.ts';

/** A server that speaks the protocol of Redis and does as a test says. */
export interface ScriptedRedis {
  readonly host: string;
  readonly port: number;
  /** Names that clients asked for in their TLS handshakes (SNI); `false` from one that asked for none. */
  readonly names: readonly (string | false | null)[];
  close(): Promise<void>;
}

/** A reply as it goes over the wire; undefined leaves it to the default, which is `+OK`. */
export type Script = (command: readonly string[]) => string | undefined | Promise<string | undefined>;

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
export const list = (...replies: string[]): string => `*${replies.length}\r\n${replies.join('')}`;
/** CLUSTER SLOTS, with the slots shared out among masters at these ports. */
export function slots(host: string, ...ports: number[]): string {
  const share = Math.ceil(16_384 / ports.length);
  return list(
    ...ports.map((port, index) =>
      list(`:${index * share}\r\n`, `:${Math.min(16_384, (index + 1) * share) - 1}\r\n`, list(bulk(host), `:${port}\r\n`)),
    ),
  );
}

/** @param certificate speaks TLS with it, and is reached under the name `localhost` */
export async function scriptedRedis(script: Script, certificate?: Certificate): Promise<ScriptedRedis> {
  const sockets = new Set<Socket>();
  const names: (string | false | null)[] = [];
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    answer(socket, script);
  };
  const server = certificate === undefined ? createServer(serve) : createTlsServer({ ...certificate });
  server.on('secureConnection', (socket: TLSSocket) => {
    names.push(socket.servername);
    serve(socket);
  });
  const host = certificate === undefined ? '127.0.0.1' : 'localhost';
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    ...{ host, names, port: (server.address() as AddressInfo).port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Replies come in the order of the commands, also where the script takes its time. */
function answer(socket: Socket, script: Script): void {
  let rest = '';
  let turn = Promise.resolve();
  socket.on('data', (chunk) => {
    rest += chunk.toString();
    for (let command = parse(rest); command !== undefined; command = parse(rest)) {
      const { words } = command;
      rest = rest.slice(command.length);
      turn = turn.then(async () => {
        const reply = (await script(words)) ?? '+OK\r\n';
        if (socket.writable) socket.write(reply);
      });
    }
  });
}

/** The first whole command of `text`, and its length. */
function parse(text: string): { words: string[]; length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  const words: string[] = [];
  let at = head[0].length;
  for (let count = Number(head[1]); count > 0; count--) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (size === null) return undefined;
    const start = at + size[0].length;
    at = start + Number(size[1]) + 2;
    if (text.length < at) return undefined;
    words.push(text.slice(start, at - 2));
  }
  return { words, length: at };
}
