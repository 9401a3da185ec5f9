import type { LocalServer } from '../../../servers/local-process/start.ts';
import { openNamespace } from './namespace.ts';
import { openNetwork } from './network.ts';

/** Machines as the network sees them: an address each, while processes, files and users are those of this one. */
export interface TestHosts {
  readonly addresses: readonly string[];
  /** The server as one that runs on the machine. */
  placed(server: LocalServer, index: number): LocalServer;
  /** Ends every way between the machine and the other ones, without a word to anybody; from here all can still be reached. */
  partition(index: number): Promise<void>;
  heal(index: number): Promise<void>;
  end(): Promise<void>;
}

/** Needs what `machinesAreImpossible` asks for. */
export async function openHosts(count: number): Promise<TestHosts> {
  const network = await openNetwork();
  const namespaces = await Promise.all(Array.from({ length: count }, () => openNamespace()));
  for (const [index, namespace] of namespaces.entries()) await network.attach(namespace, index);
  const addresses = namespaces.map((_, index) => network.addressOf(index));
  /** What is sent into a black hole is dropped, and nobody is told. */
  const blackHoles = async (verb: 'add' | 'del', index: number): Promise<void> => {
    for (const [other, namespace] of namespaces.entries()) {
      if (other === index) continue;
      await namespace.run('ip', ['route', verb, 'blackhole', `${addresses[index]}/32`]);
      await namespaces[index]!.run('ip', ['route', verb, 'blackhole', `${addresses[other]}/32`]);
    }
  };
  return {
    addresses,
    placed: (server, index) => {
      const { program, args } = server.spec;
      const inside = [`--net=/proc/${namespaces[index]!.pid}/ns/net`, '--', program, ...args];
      return { ...server, spec: { ...server.spec, program: 'nsenter', args: inside } };
    },
    partition: (index) => blackHoles('add', index),
    heal: (index) => blackHoles('del', index),
    async end() {
      await Promise.all(namespaces.map((namespace) => namespace.end()));
      await network.end();
    },
  };
}
