import { loadBinding } from '../src/binding/index.ts';
import { readTopology } from '../src/topology/index.ts';
import { openTransport } from '../src/transports/open.ts';

/** A consumer in a process of its own, to be killed: BINDING SERVICE TOPIC GROUP. Says when it has taken its first event. */
const [file, service, topic, group] = process.argv.slice(2) as [string, string, string, string];
const binding = await loadBinding({ file });
const transport = await openTransport({ service: binding.service(service), topology: await readTopology(binding) });
await transport.subscribe(topic, { group, concurrency: 64 }, async () => undefined);
process.stdout.write('subscribed\n');
