import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

/** The sockets of one client, which kafkajs itself neither counts nor can be made to close in time. */
export interface SocketPool {
  readonly factory: ISocketFactory;
  /** Number of sockets that are not closed. */
  open(): number;
  /** Closes the sockets to `broker` (`host:port`), so that the next request opens new ones. */
  drop(broker: string): void;
  /** Closes all and refuses new ones: ends every attempt to reconnect that is under way. */
  end(): void;
}

/** Time a socket has to close after kafkajs has finished with it; the other side may be gone. */
const lingerMs = 500;

/** @param onError told of every error of a socket, with the code of Node or OpenSSL that kafkajs keeps to itself. */
export function socketPool(onError: (error: Error) => void): SocketPool {
  const sockets = new Map<Socket, string>();
  let ended = false;
  return {
    factory({ host, port, ssl, onConnect }) {
      if (ended) throw new Error('the client is closed');
      const servername = isIP(host) === 0 ? { servername: host } : {};
      const socket = ssl ? connectTls({ host, port, ...servername, ...ssl }, onConnect) : connect({ host, port }, onConnect);
      socket.setKeepAlive(true, 10_000).setNoDelay(true);
      sockets.set(socket, `${host}:${port}`);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', (error) => !ended && onError(error));
      closeInTime(socket);
      return socket;
    },
    open: () => sockets.size,
    drop(broker) {
      for (const [socket, leadsTo] of sockets) if (leadsTo === broker) socket.destroy(silent(broker));
    },
    end() {
      ended = true;
      for (const socket of sockets.keys()) socket.destroy(new Error('the client is closed'));
    },
  };
}

function silent(broker: string): Error {
  return Object.assign(new Error(`${broker} left a request unanswered`), { code: 'ETIMEDOUT' });
}

/** kafkajs calls `end()` and forgets the socket. One that never connected, or whose peer is silent, would stay for minutes, and could even come to life. */
function closeInTime(socket: Socket): void {
  const end = socket.end.bind(socket);
  // Called after each `end()`; on a destroyed socket it adds a listener every time, until Node warns of a leak.
  socket.unref = () => socket;
  socket.end = ((): Socket => {
    if (socket.connecting) return socket.destroy();
    setTimeout(() => socket.destroy(), lingerMs).unref();
    return end();
  }) as Socket['end'];
}
