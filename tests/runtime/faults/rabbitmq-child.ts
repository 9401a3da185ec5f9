import { join } from 'node:path';
import type { ServiceHandle } from '../../../runtime/src/binding/index.ts';
import type { RabbitConnectOptions } from '../../../runtime/src/connections/rabbitmq/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { type ClientProcess, startClientProcess } from '../support/client-process.ts';

export interface RabbitClientSettings {
  readonly service: BoundService;
  readonly env: Readonly<Record<string, string>>;
  readonly queue: string;
  readonly options: RabbitConnectOptions;
}

/** A publishing and consuming process of its own. */
export function startRabbitClient(
  handle: ServiceHandle,
  env: Readonly<Record<string, string>>,
  settings: Pick<RabbitClientSettings, 'queue' | 'options'>,
): ClientProcess {
  const all: RabbitClientSettings = { service: handle.service, env, ...settings };
  return startClientProcess(join(__dirname, 'rabbitmq-client.mts'), all);
}
