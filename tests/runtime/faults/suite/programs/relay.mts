import { nowMs, openJournal } from '../../../../../examples/order-service/src/journal.ts';
import { loadBinding } from '../../../../../runtime/src/binding/index.ts';
import { connectPostgres } from '../../../../../runtime/src/connections/postgres/index.ts';
import { startRelay } from '../../../../../runtime/src/outbox/relay.ts';
import { readTopology } from '../../../../../runtime/src/topology/index.ts';
import type { Transport } from '../../../../../runtime/src/transport.ts';
import { openTransport } from '../../../../../runtime/src/transports/open.ts';
import type { PointCommand, RelaySettings } from './settings.ts';
import { asked, createPoints, onCommands, patiently } from './steering.mts';

/** A relay that keeps a history of what the broker has acknowledged. */
const { service, times } = JSON.parse(process.argv[2]!) as RelaySettings;
const journal = openJournal();
const points = createPoints(journal);
onCommands<PointCommand>((command) => points.command(command));

function noted(transport: Transport): Transport {
  return {
    ...transport,
    async publish(topic, events, options) {
      const { fence } = options ?? {};
      // What was held counts as on its way already: nothing calls it back.
      const held = await points.reach('after-read');
      const sentMs = nowMs();
      const results = await transport.publish(topic, events, held && fence !== undefined ? { fence } : options);
      const ackedMs = nowMs();
      const epoch = String(fence?.epoch ?? 0n);
      if (held && results.some(({ status }) => status === 'failed')) journal('refused', ackedMs, topic);
      for (const [i, result] of results.entries()) {
        if (result.status === 'published') journal('published', ackedMs, events[i]!.id, epoch, sentMs.toFixed(3));
      }
      if (results.some(({ status }) => status === 'published')) await points.reach('after-publish');
      return results;
    },
  };
}

const say = (level: string) => (details: object, message: string) =>
  void process.stdout.write(`${level} ${message} ${JSON.stringify(details)}\n`);
const binding = await loadBinding();
const topology = await readTopology(binding);
const database = await patiently(() => connectPostgres(binding.service('database', 'postgres'), { name: 'relay', maxConnections: 1 }));
const transport = await patiently(() => openTransport({ service: binding.service(service), topology }));
const relay = startRelay({
  ...times,
  ...{ service, topology, transport: noted(transport), openClient: (name) => database.openClient(name) },
  logger: { info: say('info'), warn: say('warn'), error: say('error') },
});
journal('ready', nowMs());
await Promise.race([asked(), relay.stopped]);
await relay.close();
await transport.close();
await database.close();
process.exit(0);
