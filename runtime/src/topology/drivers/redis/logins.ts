import type { ServiceHandle } from '../../../binding/index.ts';
import { connectRedis } from '../../../connections/redis/index.ts';
import { objectName } from '../../../contracts/object-names.ts';
import { routeOver, streamKey, type Topology } from '../../../contracts/topology.ts';
import type { Note } from '../../driver.ts';
import type { DeclaredUser } from './declared.ts';

/** Whether users that the plan made can log in and run a script on a stream of theirs, as a publisher and a consumer do first. */
export async function checkLogins(handle: ServiceHandle, topology: Topology, users: readonly DeclaredUser[]): Promise<Note[]> {
  const notes = await Promise.all(users.map(({ name }) => checkLogin(handle, topology, name)));
  return notes.flat();
}

async function checkLogin(handle: ServiceHandle, topology: Topology, name: string): Promise<Note[]> {
  try {
    await using connection = await connectRedis(handle.as(name), { name: 'millrace-apply', cluster: true });
    const key = firstStream(topology, name);
    await (key === undefined ? connection.client.ping() : connection.client.eval('return 1', 1, key));
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const sentence = `the plan made the user, and it cannot work: ${reason}; provision the environment again`;
    return [{ level: 'problem', name: objectName(handle.name, 'user', name), sentence }];
  }
}

function firstStream({ topics, aclUsers }: Topology, name: string): string | undefined {
  const { service, tenant = 'millrace', topics: names } = aclUsers[name]!;
  const own = names.find((topic) => topics[topic] !== undefined && routeOver(topics[topic], 'redis-streams', service) !== undefined);
  if (own === undefined) return undefined;
  return topics[own]!.isolation === 'tenant' ? streamKey(own, 0, tenant) : streamKey(own, 0);
}
