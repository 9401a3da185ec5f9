import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import * as kafkajs from 'kafkajs';
import { type ServiceHandle, wrap } from '../../../runtime/src/binding/index.ts';
import { type ClientSource, clientSource, type KafkaClient } from '../../../runtime/src/connections/kafka/client.ts';
import type { KafkaConnectOptions } from '../../../runtime/src/connections/kafka/index.ts';
import { resolveKafkaOptions } from '../../../runtime/src/connections/kafka/settings.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';

/** A service without TLS and passwords, unless told otherwise. */
export function plainHandle(ports: readonly number[], change: Partial<BoundService> = {}): ServiceHandle {
  const endpoints = ports.map((port) => ({ purpose: 'bootstrap', host: '127.0.0.1', port }) as const);
  return wrap({ log: { kind: 'kafka', role: 'log', endpoints, auth: { mode: 'none' }, ...change } }, { env: {} }).service('log');
}

/** A part of kafkajs, of which nothing works but what a test gives. */
export type FakePart = Record<string, unknown>;

/** Where clients come from: each is made of the next of `parts`, and tells when its sockets have been ended. */
export function fakeSource(parts: readonly FakePart[], options: KafkaConnectOptions): { source: ClientSource; ended: boolean[] } {
  const ended: boolean[] = [];
  let opened = 0;
  const open = async (): Promise<KafkaClient> => {
    const number = opened++;
    ended[number] = false;
    const base = { on: () => undefined, events: { REQUEST_TIMEOUT: 'request_timeout' }, disconnect: async () => undefined };
    const part = { ...base, ...parts[number] };
    const end = (): void => {
      ended[number] = true;
    };
    const kafka = { producer: () => part, consumer: () => part };
    return { kafka, kafkajs, sockets: { end, drop: () => undefined }, seed: '' } as unknown as KafkaClient;
  };
  return { source: { ...clientSource(plainHandle([1]), resolveKafkaOptions(options)), open }, ended };
}

/** Answers ApiVersions and Metadata, and nothing else. */
export interface FakeBroker {
  readonly port: number;
  /** Accepts connections and requests from now on, and answers none. */
  silence(): void;
  /** Requests met so far, answered or not. */
  asked(): number;
  close(): Promise<void>;
}

export async function fakeBroker(clusterId: string): Promise<FakeBroker> {
  const sockets = new Set<Socket>();
  let [silent, asked] = [false, 0];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    // Requests are short and come one at a time: each is one chunk.
    socket.on('data', (request) => {
      asked += 1;
      if (!silent) socket.write(framed(request.subarray(8, 12), request.readInt16BE(4) === 18 ? versions() : metadata(clusterId)));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      silent = true;
    },
    asked: () => asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function framed(correlationId: Buffer, body: Buffer): Buffer {
  return Buffer.concat([int32(4 + body.length), correlationId, body]);
}

/** No error, one request (Metadata, versions 0 to 6), no throttling. */
function versions(): Buffer {
  return Buffer.concat([int16(0), int32(1), int16(3), int16(0), int16(6), int32(0)]);
}

/** Version 6: no throttling, no brokers, the cluster, no controller, no topics. */
function metadata(clusterId: string): Buffer {
  return Buffer.concat([int32(0), int32(0), int16(clusterId.length), Buffer.from(clusterId), int32(-1), int32(0)]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}
