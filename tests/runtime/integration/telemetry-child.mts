import { createRequire } from 'node:module';
import { Client } from 'pg';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { enqueue } from '../../../runtime/src/outbox/enqueue.ts';
import { isObserved } from '../../../runtime/src/telemetry/observed.ts';

/** A service without an SDK: says `observed`, `loaded` (whether the API is), `handled TRACEPARENT` and `observed` again once something is registered. */
const { url, service, secret } = JSON.parse(process.argv[2]!) as { url: string; service: BoundService; secret: string };
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const openClient = async () => {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
};

say(`observed ${isObserved()}`);
const client = await openClient();
await client.query('begin');
await enqueue(client, [{ topic: 'child', type: 'happened', source: '/child', data: {} }]);
await client.query('commit');
await client.end();
say(`loaded ${Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('@opentelemetry/api'))}`);

const { wrap } = await import('../../../runtime/src/binding/index.ts');
const { topologySchema } = await import('../../../runtime/src/contracts/topology.ts');
const { startRelay } = await import('../../../runtime/src/outbox/relay.ts');
const { redisStreams } = await import('../../../runtime/src/transports/redis-streams/index.ts');
const topology = topologySchema.parse({
  topics: { child: { tenantless: true, transports: [{ kind: 'redis-streams', service: 'events' }] } },
});
const handle = wrap({ events: service }, { env: { TEST_REDIS_PASSWORD: secret } }).service('events');
const transport = await redisStreams({ service: handle, topology });
const handled = new Promise<string | undefined>((resolve) => {
  void transport.subscribe('child', { group: 'g' }, async ({ traceparent }) => resolve(traceparent));
});
const relay = startRelay({ openClient, transport, topology, service: 'events', minPollMs: 2 });
say(`handled ${(await handled) ?? 'none'}`);
await relay.close();
await transport.close();

const { trace, ProxyTracerProvider } = await import('@opentelemetry/api');
trace.setGlobalTracerProvider(new ProxyTracerProvider());
say(`observed ${isObserved()}`);
