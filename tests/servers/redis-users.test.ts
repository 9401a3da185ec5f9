import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadBinding } from '../../runtime/src/binding/index.ts';
import { connectRedis } from '../../runtime/src/connections/redis/index.ts';
import type { TopologyInput } from '../../runtime/src/contracts/topology.ts';
import type { Comparison } from '../../runtime/src/topology/driver.ts';
import { openRedisDriver } from '../../runtime/src/topology/drivers/redis/index.ts';
import { readTopology } from '../../runtime/src/topology/index.ts';
import { redisStreams } from '../../runtime/src/transports/redis-streams/index.ts';
import { up } from '../../servers/supervisor/index.ts';
import { startTrial, type Trial } from './trial.ts';

const topology: TopologyInput = {
  topics: { paid: { transports: [{ kind: 'redis-streams', service: 'events' }], consumers: [{ group: 'books', aclUser: 'books' }] } },
  aclUsers: {
    relay: { service: 'events', topics: ['paid'], access: 'produce' },
    books: { service: 'events', topics: ['paid'], groups: ['books'], access: 'consume' },
  },
};

let trial: Trial;
let bindingFile: string;

beforeAll(async () => {
  trial = await startTrial({ events: { kind: 'redis', role: 'events', overrides: { replicas: 1 } } }, topology);
  bindingFile = (await trial.start()).bindingFile;
});
afterAll(() => trial?.remove());

async function compared(): Promise<Comparison> {
  const binding = await loadBinding({ file: bindingFile });
  const { signal } = new AbortController();
  await using driver = await openRedisDriver({ service: binding.service('events'), topology: await readTopology(binding), signal });
  return await driver.compare();
}

async function publishAs(user: string): Promise<unknown> {
  const binding = await loadBinding({ file: bindingFile });
  await using transport = await redisStreams({ service: binding.service('events').as(user), topology: await readTopology(binding) });
  const [result] = await transport.publish('paid', [{ id: '1', source: '/s', type: 't', time: '2026-11-21T06:00:00Z' }]);
  return result;
}

describe('users that the topology declares', () => {
  test('are there when the servers are: each with a password of its own that the binding refers to', async () => {
    expect(await compared()).toEqual({ changes: [], notes: [] });
    expect(await publishAs('relay')).toMatchObject({ status: 'published' });
    expect(await publishAs('books')).toMatchObject({ status: 'failed' });
  });

  test('are kept by every server over its restart, and none of their passwords lies in a file but its own', async () => {
    const passwords = ['relay', 'books'].map((user) => readFileSync(join(trial.stateDir, 'secrets', `events-user-${user}`), 'utf8'));
    const file = readFileSync(join(trial.stateDir, 'data', 'events', 'users.acl'), 'utf8');
    for (const password of [...passwords, readFileSync(join(trial.stateDir, 'secrets', 'events'), 'utf8')])
      expect(file).not.toContain(password);
    for (const { pid } of Object.values(trial.processes())) process.kill(pid, 'SIGKILL');
    await up(trial.environment, { stateDir: trial.stateDir, apply: false });
    expect(await compared()).toEqual({ changes: [], notes: [] });
  });

  test('have a new password after their secret was thrown away, without a restart', async () => {
    rmSync(join(trial.stateDir, 'secrets', 'events-user-relay'));
    expect((await trial.start()).servers.map(({ started }) => started)).toEqual([false, false]);
    expect(await compared()).toEqual({ changes: [], notes: [] });
    expect(await publishAs('relay')).toMatchObject({ status: 'published' });
  });

  test('leave the administrator everything', async () => {
    const binding = await loadBinding({ file: bindingFile });
    await using admin = await connectRedis(binding.service('events'));
    expect(await admin.client.call('ACL', 'WHOAMI')).toBe('default');
    expect(await admin.client.config('GET', 'aclfile')).toHaveLength(2);
  });
});
