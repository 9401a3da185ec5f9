import { join } from 'node:path';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import type { KafkaConnectOptions, KafkaConsumerOptions } from '../../../runtime/src/connections/kafka/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { type ClientProcess, startClientProcess } from '../support/client-process.ts';

export interface KafkaClientSettings {
  readonly service: BoundService;
  readonly env: Readonly<Record<string, string>>;
  readonly topic: string;
  readonly group: string;
  readonly options: KafkaConnectOptions;
  readonly consumer: Partial<KafkaConsumerOptions>;
}

/** A process of its own that sends and consumes. */
export interface KafkaClient extends ClientProcess {
  /** Returns when a message that was sent after this call is consumed, from every partition. */
  flows(timeoutMs?: number): Promise<void>;
  /** Waits until what was acknowledged before this call is consumed; what is missing in the end is lost. */
  nothingLost(): Promise<void>;
}

export function startKafkaClient(handle: ServiceHandle, settings: Omit<KafkaClientSettings, 'service'>): KafkaClient {
  const all: KafkaClientSettings = { service: handle.service, ...settings };
  const client = startClientProcess(join(__dirname, 'kafka-client.mts'), all);
  const said = (verb: string): string[] => client.lines.filter((line) => line.verb === verb).map(({ rest }) => rest);
  return {
    ...client,
    async flows(timeoutMs = 60_000) {
      const next = Number(said('sent').at(-1) ?? -1) + 1;
      await client.until(() => said('got').some((number) => Number(number) >= next), `got ${next} or more`, timeoutMs);
    },
    async nothingLost() {
      // It goes on sending: the newest is always on its way.
      const acked = said('acked');
      const missing = (): string[] => {
        const got = new Set(said('got'));
        return acked.filter((number) => !got.has(number));
      };
      try {
        await client.until(() => missing().length === 0, 'that all that was acknowledged is consumed', 30_000);
      } catch (cause) {
        throw new Error(`acknowledged and not consumed: ${missing().join(', ')}`, { cause });
      }
    },
  };
}
