import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { type Namespace, openNamespace } from './namespace.ts';

const run = promisify(execFile);
const ip = (...args: string[]) => run('ip', args);

/** A network that this machine and namespaces are on. */
export interface MachineNetwork {
  /** Address of this machine. */
  readonly gateway: string;
  addressOf(index: number): string;
  attach(namespace: Namespace, index: number): Promise<void>;
  end(): Promise<void>;
}

/** The bridge is in a namespace, so that nothing is left on this machine when the namespace ends. */
export async function openNetwork(): Promise<MachineNetwork> {
  const third = randomInt(1, 255);
  const name = (what: string) => `mr${third}${what}`;
  const hub = await openNamespace();
  const address = (last: number) => `10.203.${third}.${last}`;
  const plug = async (host: string, bridgeEnd: string) => {
    await ip('link', 'add', host, 'type', 'veth', 'peer', 'name', bridgeEnd);
    await ip('link', 'set', bridgeEnd, 'netns', String(hub.pid));
    await hub.run('ip', ['link', 'set', bridgeEnd, 'master', 'bridge', 'up']);
  };
  await hub.run('ip', ['link', 'add', 'bridge', 'type', 'bridge']);
  await hub.run('ip', ['link', 'set', 'bridge', 'up']);
  await plug(name('h'), name('b'));
  await ip('addr', 'add', `${address(1)}/24`, 'dev', name('h'));
  await ip('link', 'set', name('h'), 'up');
  let plugged = 0;
  return {
    gateway: address(1),
    addressOf: (index) => address(10 + index),
    attach: async (namespace, index) => {
      const own = name(`m${++plugged}`);
      await plug(own, `${own}b`);
      await ip('link', 'set', own, 'netns', String(namespace.pid));
      const inside = (...args: string[]) => namespace.run('ip', args);
      await inside('link', 'set', own, 'name', 'eth0');
      await inside('addr', 'add', `${address(10 + index)}/24`, 'dev', 'eth0');
      await inside('link', 'set', 'eth0', 'up');
      await inside('link', 'set', 'lo', 'up');
      await inside('addr', 'add', '169.254.169.254/32', 'dev', 'lo');
    },
    end: () => hub.end(),
  };
}
