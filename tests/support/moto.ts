import { join } from 'node:path';
import { testFolder } from './folders.ts';
import { onFreePorts } from './port-retry.ts';
import { pythonWith } from './python.ts';
import { runTestServer } from './test-server.ts';

/** AWS as moto plays it: Secrets Manager, SSM, S3, STS and more behind one address. */
export interface Moto {
  readonly endpoint: string;
  /** Variables that lead the AWS SDK there, and nowhere else. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/**
 * Starts moto on a free port; it keeps everything in memory.
 *
 * @param host address that it listens on; another one than this machine's own when other network namespaces are to reach it.
 */
export async function startMoto(host = '127.0.0.1'): Promise<Moto> {
  const python = await pythonWith();
  const folder = await testFolder('moto');
  return onFreePorts(folder, 1, async (port) => {
    const endpoint = `http://${host}:${port}`;
    const server = await runTestServer({
      spec: {
        name: 'test-moto',
        program: python,
        args: ['-m', 'moto.server', '-H', host, '-p', String(port)],
        cwd: folder.path,
        logFile: join(folder.path, 'log'),
      },
      stop: [{ signal: 'SIGTERM', graceMs: 2_000 }],
      readyTimeoutMs: 60_000,
      prepare: () => undefined,
      probe: async (signal) => {
        await (await fetch(`${endpoint}/moto-api/data.json`, { signal })).arrayBuffer();
      },
    });
    return {
      endpoint,
      env: {
        AWS_ENDPOINT_URL: endpoint,
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'only-for-tests',
        AWS_EC2_METADATA_DISABLED: 'true',
      },
      stop: async () => {
        await server.end();
        await folder.remove();
      },
    };
  });
}
