import type { Redis } from 'ioredis';
import type { ServiceHandle } from '../../../binding/index.ts';
import { replyCode } from '../../../connections/redis/errors.ts';
import { MillraceError } from '../../../contracts/errors.ts';
import type { Step } from './changes.ts';
import { type Node, visitNodes } from './nodes.ts';
import { setting } from './read.ts';

export interface ApplyContext {
  readonly master: Redis;
  readonly handle: ServiceHandle;
  readonly passwordHashes: ReadonlyMap<string, string>;
  /** Servers that answered the comparison; the others have been told of. */
  readonly reachable: ReadonlySet<string>;
}

/** Each may be carried out again. */
export async function carryOut(step: Step, context: ApplyContext): Promise<void> {
  const { master } = context;
  switch (step.do) {
    case 'create group':
      await createGroup(master, step.stream, step.group);
      return;
    case 'delete group':
      await master.xgroup('DESTROY', step.stream, step.group);
      return;
    case 'enter tenant':
      await master.sadd(step.tenant.register, step.tenant.tenant);
      return;
    case 'set user': {
      const { name, username, rules } = step.user;
      const password = `#${context.passwordHashes.get(name)}`;
      await onEveryNode(context, ({ client }) => client.call('ACL', 'SETUSER', username, 'reset', 'on', password, ...rules));
      return;
    }
    case 'delete user':
      await onEveryNode(context, ({ client }) => client.call('ACL', 'DELUSER', step.username));
      return;
  }
}

async function createGroup(master: Redis, stream: string, group: string): Promise<void> {
  try {
    await master.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (replyCode(error) !== 'BUSYGROUP') throw error;
  }
}

async function onEveryNode({ handle, reachable }: ApplyContext, change: (node: Node) => Promise<unknown>): Promise<void> {
  const visited = await visitNodes(handle, async (node) => {
    await refused(node.address, change(node));
    if (await setting(node.client, 'aclfile')) await node.client.call('ACL', 'SAVE');
  });
  const failed = visited.find(({ address, error }) => error !== undefined && reachable.has(address));
  if (failed?.error !== undefined) throw failed.error;
}

/** What a server says against a user is in the error's text; no rule in it is a secret. */
async function refused(address: string, change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (cause) {
    if (replyCode(cause) !== 'ERR') throw cause;
    throw new MillraceError('TOPOLOGY_REFUSED', `${address} refused the user: ${(cause as Error).message}`, { cause });
  }
}
