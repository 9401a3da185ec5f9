import dns from 'node:dns';
import { Redis } from 'ioredis';
import type { Machine } from './machine.ts';
import type { MachineSet } from './set.ts';

/** What the scripts of a machine share, to ask its servers by hand. */
export const library = 'source /usr/local/lib/millrace-redis/library.sh; load_credentials';

/** Names of machines are known within the machines alone; here they are looked up on behalf of the clients of this process. */
export function resolveNames(machines: MachineSet): void {
  const real = dns.lookup;
  const lookup = (host: string, options: object, done: (...answer: unknown[]) => void) => {
    const address = machines.addressOf(host);
    if (address === undefined) return (real as (...all: unknown[]) => void)(host, options, done);
    setImmediate(() => ('all' in options && options.all === true ? done(null, [{ address, family: 4 }]) : done(null, address, 4)));
  };
  jest.spyOn(dns, 'lookup').mockImplementation(lookup as never);
}

/** What `millrace-redis status` says on a machine. */
export async function statusOf(
  machine: Machine,
): Promise<{ master: string; replicas: string; role: string; keys: string; quorum: string }> {
  const text = await machine.run('millrace-redis', 'status');
  const of = (what: string) => new RegExp(`^${what}: (.*)$`, 'm').exec(text)?.[1] ?? '';
  return {
    master: of('master'),
    replicas: of('replicas in touch with the master'),
    role: of('this machine').split(',')[0]!,
    keys: /(\d+) keys/.exec(text)?.[1] ?? '',
    quorum: of('quorum'),
  };
}

/** What the machine tells CloudWatch now. */
export async function figuresOf(
  machine: Machine,
): Promise<Record<string, number> & { _aws: { CloudWatchMetrics: [Record<string, unknown>] } }> {
  await machine.run('systemctl', 'start', 'millrace-redis-metrics.service');
  return JSON.parse((await machine.run('tail', '-n', '1', '/var/log/millrace-redis/metrics.log')).trim());
}

/** The silence that each sentinel bears, in ms. */
export function silencesOf({ machines }: MachineSet): Promise<number[]> {
  const ask = `${library}; ask_sentinel "$HOST" SENTINEL MASTER "$MASTER_NAME" | grep -A1 '^down-after-milliseconds' | tail -n 1`;
  return Promise.all(machines.map(async (machine) => Number(await machine.run('bash', '-c', ask))));
}

/** Has every sentinel take the master for dead after this silence, by word of one machine. */
export async function bearSilence(machine: Machine, afterMs: number): Promise<void> {
  const tell = `ask_sentinel $host SENTINEL SET "$MASTER_NAME" down-after-milliseconds ${afterMs}`;
  await machine.run('bash', '-c', `${library}; for host in $HOSTS; do ${tell}; done`);
}

/** Which server of a machine is asked, and as whom. */
export interface Door {
  readonly port: number;
  readonly plain?: boolean;
  readonly username?: string;
  readonly password?: string;
}

/** One conversation, which is not tried again. @param ca PEM text of the authority */
export async function askServer<T>(
  { plain, ca, ...door }: Door & { readonly host: string; readonly ca: string },
  question: (client: Redis) => Promise<T>,
): Promise<T> {
  const client = new Redis({
    ...door,
    ...(!plain && { tls: { ca: ca } }),
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    commandTimeout: 2_000,
    connectTimeout: 2_000,
  });
  let refusal: Error | undefined;
  client.on('error', (error: Error) => {
    refusal ??= error;
  });
  try {
    await client.connect();
    return await question(client);
  } catch (error) {
    throw refusal ?? error;
  } finally {
    client.disconnect();
  }
}
