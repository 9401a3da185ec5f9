import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type ServiceHandle, wrap } from '../../runtime/src/binding/index.ts';
import { findSoftware } from '../../servers/find/index.ts';
import { javaProgram } from '../../servers/find/tools.ts';
import { unprivilegedOwner } from '../../servers/local-process/owner.ts';
import { openSearchProcess } from '../../servers/opensearch/process.ts';
import { openSearchDistribution } from '../../servers/opensearch/program.ts';
import { adminUser } from '../../servers/opensearch/security.ts';
import { testFolder } from './folders.ts';
import { onFreePorts } from './port-retry.ts';
import { testAuthority } from './test-authority.ts';
import { testHost } from './test-redis.ts';
import { runTestServer, type TestProcess, type TestServer } from './test-server.ts';

/** An OpenSearch server of a test's own: TLS, the security plugin and one user. */
export interface TestOpenSearch extends TestProcess {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** PEM text of the authority that signed its certificate. */
  readonly ca: string;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** What a service gets to know about it; `port` leads through a proxy. */
  handle(change?: HandleChange): ServiceHandle;
}

export interface HandleChange {
  readonly port?: number;
  readonly password?: string;
  readonly username?: string;
  readonly ca?: string;
}

export interface TestOpenSearchOptions {
  /** Further lines of opensearch.yml. */
  readonly settings?: Readonly<Record<string, string>>;
}

const heapMiB = 256;

/**
 * Starts an OpenSearch server on free ports, in its own folder; fetches the distribution when the machine has none.
 *
 * It does not start with an expired certificate: lead clients through a `tlsFront` that shows one.
 */
export async function startTestOpenSearch({ settings }: TestOpenSearchOptions = {}): Promise<TestOpenSearch> {
  const [folder, authority] = await Promise.all([testFolder('opensearch'), testAuthority()]);
  const software = await findOpenSearch(join(folder.path, 'install.log'));
  const password = randomBytes(12).toString('base64url');
  return onFreePorts(folder, 2, async (port) => {
    const server = await runTestServer(
      openSearchProcess({
        ...{ name: 'test-opensearch', ...software, dir: join(folder.path, 'server'), logFile: join(folder.path, 'log') },
        ...{ owner: unprivilegedOwner('opensearch', 'nobody'), password, host: testHost, port, transportPort: port + 1, heapMiB },
        ...{ tls: { caFile: authority.caFile, issue: authority.issue }, settings },
      }),
    );
    return testOpenSearch(server, { port, password, ca: authority.ca }, async () => {
      await Promise.all([folder.remove(), authority.remove()]);
    });
  });
}

async function findOpenSearch(installLog: string): Promise<{ home: string; java: string }> {
  const found = await findSoftware([openSearchDistribution, javaProgram], {
    ...{ env: process.env, cwd: process.cwd(), installLog },
    ...{ onInstall: () => undefined, onFetch: () => undefined },
  });
  return { home: found.get(openSearchDistribution)!.path, java: found.get(javaProgram)!.path };
}

function testOpenSearch(
  server: TestServer,
  at: { port: number; password: string; ca: string },
  removeFiles: () => Promise<void>,
): TestOpenSearch {
  return {
    ...{ ...at, host: testHost, username: adminUser },
    get pid() {
      return server.pid;
    },
    stop: async () => {
      await server.end();
      await removeFiles();
    },
    kill: server.kill,
    pause: server.pause,
    resume: server.resume,
    restart: server.restart,
    handle: (change = {}) => handleOf({ ...at, username: adminUser, ...change }),
  };
}

function handleOf({ port, username, password, ca }: Required<HandleChange>): ServiceHandle {
  const env = { SEARCH_PASSWORD: password, SEARCH_CA: ca };
  return wrap(
    {
      search: {
        kind: 'opensearch',
        role: 'search',
        endpoints: [{ purpose: 'primary', host: testHost, port }],
        tls: { caRef: { from: 'env', id: 'SEARCH_CA' } },
        auth: { mode: 'password', username, secretRef: { from: 'env', id: 'SEARCH_PASSWORD' } },
      },
    },
    { env },
  ).service('search');
}
