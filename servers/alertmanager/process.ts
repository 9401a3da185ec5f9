import { join } from 'node:path';
import { askSuccess } from '../local-process/ask-http.ts';
import { makePrivateFolder, writePrivateFile } from '../local-process/files.ts';
import type { LocalServer } from '../local-process/start.ts';
import { adminUser, webConfigFile, writeWebConfig } from '../prometheus/web-config.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import { renderAlertmanagerYml } from './config.ts';

export interface AlertmanagerProcess {
  readonly name: string;
  readonly program: string;
  /** Folder of configuration, silences and the log of notifications. */
  readonly dir: string;
  readonly logFile: string;
  readonly host: string;
  readonly port: number;
  /** Of the user `admin`. */
  readonly password: string;
  readonly retentionHours: number;
  /** Speak TLS, and nothing else. @default plain text */
  readonly tls?: ServerTls | undefined;
}

/** One Alertmanager as a local process. */
export function alertmanagerProcess(server: AlertmanagerProcess): LocalServer {
  const { name, program, dir, logFile, host, port, password, retentionHours, tls } = server;
  const address = { host, port, user: adminUser, password, caFile: tls?.caFile };
  const configFile = join(dir, 'alertmanager.yml');
  const args = [
    `--config.file=${configFile}`,
    `--web.config.file=${webConfigFile(dir)}`,
    `--web.listen-address=${host}:${port}`,
    `--storage.path=${join(dir, 'data')}`,
    `--data.retention=${retentionHours}h`,
    // It is alone; the default listens to every interface for others of its kind.
    '--cluster.listen-address=',
  ];
  return {
    spec: { name, program, args, cwd: dir, logFile },
    stop: [{ signal: 'SIGTERM', graceMs: 5_000 }],
    readyTimeoutMs: 15_000,
    async prepare() {
      makePrivateFolder(dir);
      await writeWebConfig(dir, password, tls);
      writePrivateFile(configFile, renderAlertmanagerYml());
    },
    probe: async (signal) => {
      await askSuccess(address, { path: '/-/ready', signal });
    },
    condition: async (signal) => {
      const alerts = JSON.parse(await askSuccess(address, { path: '/api/v2/alerts?silenced=false', signal })) as unknown[];
      return alerts.length === 0 ? 'no alerts' : alerts.length === 1 ? '1 alert' : `${alerts.length} alerts`;
    },
  };
}
