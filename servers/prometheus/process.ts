import { join } from 'node:path';
import type { Environment } from '../../environments/schema.ts';
import { askSuccess } from '../local-process/ask-http.ts';
import { makePrivateFolder, updatePrivateFile } from '../local-process/files.ts';
import type { ReadyOptions } from '../local-process/ready.ts';
import type { LocalServer } from '../local-process/start.ts';
import type { ServerTls } from '../tls/server-tls.ts';
import { renderPrometheusYml, retentionFlag, rulesFile, rulesOf } from './config.ts';
import { reload } from './reload.ts';
import { type Bindings, writeTargets } from './targets.ts';
import { adminUser, webConfigFile, writeWebConfig } from './web-config.ts';

export interface PrometheusProcess {
  readonly name: string;
  readonly program: string;
  /** Folder of configuration, rules and data. */
  readonly dir: string;
  readonly logFile: string;
  readonly host: string;
  readonly port: number;
  /** Of the user `admin`. */
  readonly password: string;
  readonly retentionDays: number;
  readonly scrapeIntervalSeconds: number;
  /** What to scrape, this server among it, and where to send alerts; asked at every start. */
  readonly bindings: () => Bindings;
  /** What is declared; the alerts of its services that are bound become rules. */
  readonly environment: Environment;
  /** `host:port` where the probe tells its samples. */
  readonly probeAddress: string;
  /** Speak TLS, and nothing else. @default plain text */
  readonly tls?: ServerTls | undefined;
}

/** One Prometheus server as a local process. */
export function prometheusProcess(server: PrometheusProcess): LocalServer {
  const { name, program, dir, logFile, host, port, password, retentionDays, tls } = server;
  const address = addressOf(server);
  const args = [
    `--config.file=${configFile(dir)}`,
    `--web.config.file=${webConfigFile(dir)}`,
    `--web.listen-address=${host}:${port}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    retentionFlag(retentionDays),
    // Lets `up` tell a running server of services that were declared since; it asks for the password.
    '--web.enable-lifecycle',
  ];
  return {
    spec: { name, program, args, cwd: dir, logFile },
    // What is in memory is in the write-ahead log too.
    stop: [{ signal: 'SIGTERM', graceMs: 5_000 }],
    readyTimeoutMs: 30_000,
    async prepare() {
      makePrivateFolder(dir);
      await writeWebConfig(dir, password, tls);
      writeConfig(server);
    },
    probe: async (signal) => {
      await askSuccess(address, { path: '/-/ready', signal });
    },
    condition: async (signal) => {
      const answer = await askSuccess(address, { path: '/api/v1/targets?state=active', signal });
      const { data } = JSON.parse(answer) as { data: { activeTargets: { health: string }[] } };
      return `${data.activeTargets.filter(({ health }) => health === 'up').length} of ${data.activeTargets.length} targets up`;
    },
  };
}

/**
 * Has a running server scrape what the bindings name now and evaluate the rules of now, if that has changed since it started.
 *
 * @throws {MillraceError} SERVER_START_FAILED when it does not read its configuration again.
 */
export async function refreshTargets(server: PrometheusProcess, options: ReadyOptions): Promise<void> {
  if (writeConfig(server)) await reload({ server, address: addressOf(server), configFile: configFile(server.dir) }, options);
}

/** @returns whether something has changed */
function writeConfig({ dir, scrapeIntervalSeconds, bindings, environment, probeAddress }: PrometheusProcess): boolean {
  const rulesDir = join(dir, 'rules');
  makePrivateFolder(rulesDir);
  const bound = bindings();
  const services = writeTargets(join(dir, 'targets'), bound);
  const config = renderPrometheusYml({ environment: environment.name, scrapeIntervalSeconds, rulesDir, services, probeAddress });
  // Both are written, whichever has changed.
  return [
    updatePrivateFile(join(rulesDir, rulesFile), rulesOf(environment, Object.keys(bound.services))),
    updatePrivateFile(configFile(dir), config),
  ].includes(true);
}

function addressOf({ host, port, password, tls }: PrometheusProcess) {
  return { host, port, user: adminUser, password, caFile: tls?.caFile };
}

function configFile(dir: string): string {
  return join(dir, 'prometheus.yml');
}
