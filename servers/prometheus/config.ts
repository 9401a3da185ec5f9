import { probeJob } from '../../alerts/check-receivers.ts';
import { renderRules } from '../../alerts/prometheus/rules.ts';
import { alertsOf } from '../../alerts/resolve.ts';
import type { Environment } from '../../environments/schema.ts';

/** A service that is scraped, or that alerts are sent to. */
export interface Target {
  /** Name of the service, which becomes the label `job`. */
  readonly name: string;
  readonly kind: string;
  /** `host:port` each. */
  readonly addresses: readonly string[];
  /** PEM file of the authority to trust; plain text without. */
  readonly caFile?: string | undefined;
  readonly credentials?: { readonly user: string; readonly passwordFile: string } | undefined;
}

/** Everything that prometheus.yml says, whoever hosts the server. */
export interface PrometheusSettings {
  /** Name of the environment, the label `environment` of every alert. */
  readonly environment: string;
  readonly scrapeIntervalSeconds: number;
  /** Folder whose `*.yml` hold the rules. */
  readonly rulesDir: string;
  /** What is scraped; alerts are sent to those that are Alertmanagers. */
  readonly services: readonly Target[];
  /** `host:port` where the probe tells its samples. */
  readonly probeAddress: string;
}

/** Name of the one file of rules, in `rulesDir`. */
export const rulesFile = 'millrace.yml';

/** Prometheus' own default; a scrape may not take longer than the interval. */
const longestScrapeSeconds = 10;

/** prometheus.yml for `settings`. JSON is YAML. */
export function renderPrometheusYml(settings: PrometheusSettings): string {
  const { environment, scrapeIntervalSeconds, rulesDir, services, probeAddress } = settings;
  const targets: readonly Target[] = [...services, { name: probeJob, kind: 'probe', addresses: [probeAddress] }];
  const alertmanagers = services.filter(({ kind }) => kind === 'alertmanager');
  const config = {
    global: {
      scrape_interval: `${scrapeIntervalSeconds}s`,
      scrape_timeout: `${Math.min(scrapeIntervalSeconds, longestScrapeSeconds)}s`,
      evaluation_interval: `${scrapeIntervalSeconds}s`,
      external_labels: { environment },
    },
    rule_files: [`${rulesDir}/*.yml`],
    ...(alertmanagers.length > 0 && { alerting: { alertmanagers: alertmanagers.map(clientOf) } }),
    scrape_configs: targets.map((target) => ({ job_name: target.name, ...clientOf(target) })),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Rules for the alerts of the services that are there: one that does not run has no values, and its want of them is no trouble. */
export function rulesOf(environment: Environment, running: readonly string[]): string {
  const services = Object.fromEntries(Object.entries(environment.services).filter(([name]) => running.includes(name)));
  return renderRules(alertsOf({ ...environment, services }), environment.alerts);
}

/** How long samples are kept; a flag, because prometheus.yml cannot say it before version 3. */
export function retentionFlag(days: number): string {
  return `--storage.tsdb.retention.time=${days}d`;
}

function clientOf({ kind, addresses, caFile, credentials }: Target) {
  return {
    scheme: caFile === undefined ? 'http' : 'https',
    ...(caFile !== undefined && { tls_config: { ca_file: caFile } }),
    ...(credentials && { basic_auth: { username: credentials.user, password_file: credentials.passwordFile } }),
    static_configs: [{ targets: addresses, labels: { kind } }],
  };
}
