import { javaProgram } from '../find/tools.ts';
import type { Hosting } from '../hosting.ts';
import { unprivilegedOwner } from '../local-process/owner.ts';
import { bindOpenSearch } from './bound.ts';
import { openSearchProcess, wantNoCopies } from './process.ts';
import { openSearchDistribution } from './program.ts';

/** One server, however many data nodes are declared: a second one on the same machine would hold copies that nothing is safer for. */
export const openSearchHosting: Hosting<'opensearch'> = {
  kind: 'opensearch',
  software: [openSearchDistribution, javaProgram],
  owner: () => unprivilegedOwner('opensearch', 'nobody'),
  plan({ name, role, settings, host, pathOf, owner, place, secret, tls }) {
    const { memoryMiB: heapMiB } = settings;
    const password = secret(name);
    const at = place(name, 'transport');
    const server = {
      ...{ ...at, home: pathOf(openSearchDistribution), java: pathOf(javaProgram), owner, password: password.value },
      ...{ host, transportPort: at.ports.transport, heapMiB, tls: tls?.serverTls(at.name) },
    };
    return {
      servers: [{ place: at, wave: 0, server: openSearchProcess(server) }],
      finish: ({ timeoutMs, signal }) => {
        const time = AbortSignal.timeout(timeoutMs);
        return wantNoCopies(server, signal === undefined ? time : AbortSignal.any([signal, time]));
      },
      binding: bindOpenSearch({ role, tls: tls?.binding, passwordFile: password.ref, address: { host, port: at.port }, heapMiB }),
    };
  },
};
