import { join } from 'node:path';
import { renderAlertmanagerYml } from '../../alerts/alertmanager.ts';
import type { Environment } from '../../environments/schema.ts';
import type { SecretRef } from '../../runtime/src/contracts/binding.ts';
import { askSuccess } from '../local-process/ask-http.ts';
import { makePrivateFolder, updatePrivateFile } from '../local-process/files.ts';
import type { ReadyOptions } from '../local-process/ready.ts';
import type { LocalServer } from '../local-process/start.ts';
import { reload } from '../prometheus/reload.ts';
import { adminUser, webConfigFile, writeWebConfig } from '../prometheus/web-config.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import { retentionFlag } from './config.ts';
import { secretFiles } from './secrets.ts';

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
  /** Whom it tells. */
  readonly alerts: Pick<Environment['alerts'], 'receivers' | 'smtp'>;
  /** The text of a secret that `alerts` refer to. */
  readonly readSecret: (ref: SecretRef) => string;
  /** Speak TLS, and nothing else. @default plain text */
  readonly tls?: ServerTls | undefined;
}

/** One Alertmanager as a local process. */
export function alertmanagerProcess(server: AlertmanagerProcess): LocalServer {
  const { name, program, dir, logFile, host, port, password, retentionHours, tls } = server;
  const address = addressOf(server);
  const args = [
    `--config.file=${configFile(dir)}`,
    `--web.config.file=${webConfigFile(dir)}`,
    `--web.listen-address=${host}:${port}`,
    `--storage.path=${join(dir, 'data')}`,
    retentionFlag(retentionHours),
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
      writeConfig(server);
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

/**
 * Has a running server tell whom the declaration names now, if that has changed since it started.
 *
 * @throws {MillraceError} SERVER_START_FAILED when it does not read its configuration again.
 */
export async function refreshReceivers(server: AlertmanagerProcess, options: ReadyOptions): Promise<void> {
  const { changed, removeFormerSecrets } = writeConfig(server);
  if (changed) await reload({ server, address: addressOf(server), configFile: configFile(server.dir) }, options);
  // Not before: what still runs with the former configuration reads its secrets with every notification.
  removeFormerSecrets();
}

/** @returns whether it has changed; a secret alone is read anew anyway */
function writeConfig({ dir, alerts, readSecret }: AlertmanagerProcess): { readonly changed: boolean; removeFormerSecrets(): void } {
  const secrets = secretFiles(join(dir, 'secrets'), readSecret);
  const config = renderAlertmanagerYml(alerts, secrets.file);
  return { changed: updatePrivateFile(configFile(dir), config), removeFormerSecrets: secrets.removeOthers };
}

function addressOf({ host, port, password, tls }: AlertmanagerProcess) {
  return { host, port, user: adminUser, password, caFile: tls?.caFile };
}

function configFile(dir: string): string {
  return join(dir, 'alertmanager.yml');
}
