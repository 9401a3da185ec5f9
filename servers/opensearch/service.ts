import { javaProgram } from '../find/tools.ts';
import type { Hosting } from '../hosting.ts';
import { unprivilegedOwner } from '../local-process/owner.ts';
import { openSearchProcess, wantNoCopies } from './process.ts';
import { openSearchDistribution } from './program.ts';
import { adminUser } from './security.ts';

/** What OpenSearch accepts in one request unless it is told otherwise. */
const maxRequestMiB = 100;

/** Below the server's folder for snapshots (`path.repo`), to which a relative path is relative. */
const repositoryFolder = 'archive';

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
      binding: {
        kind: 'opensearch',
        role,
        endpoints: [{ purpose: 'primary', host, port: at.port }],
        ...(tls && { tls: tls.binding }),
        auth: { mode: 'password', username: adminUser, secretRef: { from: 'file', id: password.ref } },
        administration: { snapshotRepository: { type: 'fs', settings: { location: repositoryFolder } }, tiers: 'none' },
        limits: { heapMiB, maxRequestMiB },
      },
    };
  },
};
