import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TlsOptions } from '../connections/tls.ts';
import { tlsFailure } from '../connections/tls-errors.ts';
import type { Endpoint } from '../contracts/binding.ts';

/** Protocols that a server is recognised by. */
export type Speech = 'redis' | 'postgres' | 'rabbitmq' | 'kafka' | 'http';

/** What is behind an address. */
export interface Greeted {
  /** Whether it speaks TLS; undefined of a server that says nothing, and of PostgreSQL, which turns to TLS later. */
  readonly tls?: boolean;
  /** Undefined where it was not recognised. */
  readonly speech?: Speech;
}

/** What each of the servers answers to, on a connection of its own; others close it, or say nothing. */
const greetings: readonly Buffer[] = [
  // Asks PostgreSQL for TLS; RabbitMQ answers it with the version that it speaks.
  Buffer.from('0000000804d2162f', 'hex'),
  // Redis answers, and HTTP refuses it. Alone, because Redis looks for the end of a line no further than to a zero byte.
  Buffer.from('PING\r\n\r\n'),
  // ApiVersions, which Kafka answers before anybody has said who they are: size, key 18, version 0, correlation id, no name.
  Buffer.from('0000000a001200004d4d4d4dffff', 'hex'),
];

const alert = 'tls-alert';

function recognise(answer: Buffer): Speech | typeof alert | undefined {
  const text = answer.toString('latin1');
  if (/^[SN]($|E)/.test(text)) return 'postgres';
  if (text.startsWith('AMQP')) return 'rabbitmq';
  if (text.startsWith('HTTP/')) return 'http';
  if (/^[-+]/.test(text)) return 'redis';
  if (answer.length >= 8 && text.slice(4, 8) === 'MMMM') return 'kafka';
  if (answer[0] === 0x15 && answer[1] === 0x03) return alert;
  return undefined;
}

/**
 * Finds out what listens at an address that takes connections, by what it answers to bytes that each server answers in its own way.
 *
 * Servers note them as a malformed request in their logs, so it is for addresses at which the right client has failed.
 *
 * @param tls how the binding says that TLS is spoken there.
 */
export async function greet(endpoint: Endpoint, tls: TlsOptions | undefined, limitMs: number): Promise<Greeted> {
  const each = (open: () => Socket) => Promise.all(greetings.map((bytes) => answerTo(open(), bytes, limitMs)));
  const { host, port } = endpoint;
  const secure = () => connectTls({ host, port, servername: tls?.servername ?? '', ...tls });
  const [plain, secured] = await Promise.all([each(() => connect({ host, port })), each(secure)]);
  const speech = [...plain, ...secured].map(({ said }) => said).find((said) => said !== undefined && said !== alert) as Speech | undefined;
  const told = plain.some(({ said }) => said !== undefined && said !== alert);
  if (speech === 'postgres') return { speech };
  if (told) return { tls: false, ...(speech && { speech }) };
  const isSecure = secured.some(({ shaken }) => shaken) || plain.some(({ said }) => said === alert);
  return { ...(isSecure && { tls: true }), ...(speech && { speech }) };
}

interface Answer {
  readonly said?: ReturnType<typeof recognise>;
  /** Whether the other side speaks TLS: the handshake ended, or failed over a certificate. */
  readonly shaken?: boolean;
}

function answerTo(socket: Socket, bytes: Buffer, limitMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    let shaken = false;
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ shaken, ...answer });
    };
    const timer = setTimeout(() => end({}), limitMs);
    socket.once('secureConnect', () => {
      shaken = true;
    });
    socket.once('data', (answer: Buffer) => end({ said: recognise(answer) }));
    socket.once('error', (error: NodeJS.ErrnoException) => end(isOfCertificate(error) ? { shaken: true } : {}));
    socket.once('close', () => end({}));
    socket.write(bytes);
  });
}

/** An other side that does not speak TLS fails with a code of OpenSSL instead. */
function isOfCertificate(error: NodeJS.ErrnoException): boolean {
  return tlsFailure(error, '') !== undefined && !/^(ERR_SSL_|EPROTO)/.test(error.code ?? '');
}
