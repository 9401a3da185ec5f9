import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Admin, Kafka, logLevel, Partitioners } from 'kafkajs';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import type { Trial } from './trial.ts';

/** What a service would know about the trial's Kafka. */
export function bindingOf(trial: Trial) {
  return bindingSchema.parse(JSON.parse(readFileSync(join(trial.stateDir, 'binding.json'), 'utf8'))).services.log!;
}

/** A client that has nothing but the binding. */
export function kafkaOf(trial: Trial, change: { password?: string; retries?: number } = {}): Kafka {
  const { endpoints, tls, auth } = bindingOf(trial);
  const text = (id: string) => readFileSync(join(trial.stateDir, id), 'utf8');
  return new Kafka({
    brokers: endpoints.map(({ host, port }) => `${host}:${port}`),
    ssl: { ca: text(tls!.caRef!.id) },
    sasl: { mechanism: 'scram-sha-512', username: auth.username!, password: change.password ?? text(auth.secretRef!.id) },
    connectionTimeout: 3_000,
    retry: { retries: change.retries ?? 8, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: logLevel.NOTHING,
  });
}

export async function withAdmin<T>(kafka: Kafka, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Sends the values, each acknowledged by every copy that is up to date. */
export async function produce(kafka: Kafka, topic: string, values: readonly string[]): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
  try {
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: values.map((value) => ({ key: value, value })) });
  } finally {
    await producer.disconnect();
  }
}

/** The first `count` different values of the topic, as a new group reads them, in alphabetical order. */
export async function consume(kafka: Kafka, topic: string, count: number): Promise<string[]> {
  // The first group makes the broker create the topic of offsets; until that is there nobody coordinates groups.
  const consumer = kafka.consumer({
    groupId: randomUUID(),
    maxWaitTimeInMs: 100,
    retry: { retries: 5, restartOnFailure: async () => true },
  });
  const values = new Set<string>();
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve) => {
      const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
        values.add(String(message.value));
        if (values.size >= count) resolve();
      };
      void consumer.run({ eachMessage });
    });
  } finally {
    await consumer.disconnect();
  }
  return [...values].sort();
}
