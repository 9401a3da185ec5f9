import { setTimeout as pause } from 'node:timers/promises';
import { wrap } from '../../../runtime/src/binding/index.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { openTasks } from '../../../runtime/src/tasks/index.ts';
import type { TaskChildSettings } from './tasks-work.ts';

/** Works on queues until it is ended; says `begin TEXT ATTEMPT` and `end TEXT`. A task `kill` ends it in the middle of the handler. */
const { service, env, topology, queues } = JSON.parse(process.argv[2]!) as TaskChildSettings;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const tasks = await openTasks({ service: wrap({ tasks: service }, { env }).service('tasks'), topology: topologySchema.parse(topology) });
for (const queue of queues) {
  await tasks.work<string>(queue, { prefetch: 20 }, async ({ payload, attempt }) => {
    say(`begin ${payload} ${attempt}`);
    await pause(50);
    if (payload === 'kill') process.kill(process.pid, 'SIGKILL');
    await pause(50);
    say(`end ${payload}`);
  });
}
say('ready');
process.once('SIGTERM', () => void tasks.close());
