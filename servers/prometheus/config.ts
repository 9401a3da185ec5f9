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
  readonly scrapeIntervalSeconds: number;
  /** Folder whose `*.yml` hold the rules. */
  readonly rulesDir: string;
  readonly targets: readonly Target[];
  /** Where alerts are sent to. @default nowhere */
  readonly alertmanagers?: readonly Target[];
}

/** Prometheus' own default; a scrape may not take longer than the interval. */
const longestScrapeSeconds = 10;

/** prometheus.yml for `settings`. JSON is YAML. */
export function renderPrometheusYml({ scrapeIntervalSeconds, rulesDir, targets, alertmanagers = [] }: PrometheusSettings): string {
  const config = {
    global: {
      scrape_interval: `${scrapeIntervalSeconds}s`,
      scrape_timeout: `${Math.min(scrapeIntervalSeconds, longestScrapeSeconds)}s`,
      evaluation_interval: `${scrapeIntervalSeconds}s`,
    },
    rule_files: [`${rulesDir}/*.yml`],
    ...(alertmanagers.length > 0 && { alerting: { alertmanagers: alertmanagers.map(clientOf) } }),
    scrape_configs: targets.map((target) => ({ job_name: target.name, ...clientOf(target) })),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function clientOf({ kind, addresses, caFile, credentials }: Target) {
  return {
    scheme: caFile === undefined ? 'http' : 'https',
    ...(caFile !== undefined && { tls_config: { ca_file: caFile } }),
    ...(credentials && { basic_auth: { username: credentials.user, password_file: credentials.passwordFile } }),
    static_configs: [{ targets: addresses, labels: { kind } }],
  };
}
