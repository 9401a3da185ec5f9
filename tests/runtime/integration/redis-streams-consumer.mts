import { setTimeout as pause } from 'node:timers/promises';
import { type ChildSettings, openTransport, serviceOf } from './redis-streams-fixture.ts';

/** Consumes until it is killed; says `begin ID ATTEMPT`, `end ID` and what its transport logs, a line each. */
const {
  redis,
  topics,
  topic,
  name,
  leaseMs = 1_000,
  concurrency = 1,
  handlerMs = 0,
  poison,
} = JSON.parse(process.argv[2]!) as ChildSettings;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
const log = (details: object, message: string): void => say(`log ${message} ${JSON.stringify(details)}`);

const transport = await openTransport(serviceOf(redis), topics, {
  leaseMs,
  consumerName: name,
  logger: { info: log, warn: log, error: log },
});
await transport.subscribe(topic, { group: 'g', concurrency }, async (event, { attempt }) => {
  say(`begin ${event.id} ${attempt}`);
  if (event.id === poison) process.kill(process.pid, 'SIGKILL');
  await pause(handlerMs);
  say(`end ${event.id}`);
});
say('ready');
