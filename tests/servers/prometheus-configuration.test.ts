import { type PrometheusSettings, renderPrometheusYml, type Target } from '../../servers/prometheus/config.ts';
import { renderWebConfig } from '../../servers/prometheus/web-config.ts';

const minimal: PrometheusSettings = { scrapeIntervalSeconds: 15, rulesDir: '/metrics/rules', targets: [] };
const plain: Target = { name: 'metrics', kind: 'prometheus', addresses: ['127.0.0.1:9090'] };
const secured: Target = {
  ...{ name: 'alerts', kind: 'alertmanager', addresses: ['127.0.0.1:9093'], caFile: '/metrics/targets/alerts.ca.pem' },
  credentials: { user: 'admin', passwordFile: '/metrics/targets/alerts.password' },
};

test('minimal: nothing to scrape and nobody to tell', () => {
  expect(JSON.parse(renderPrometheusYml(minimal))).toEqual({
    global: { scrape_interval: '15s', scrape_timeout: '10s', evaluation_interval: '15s' },
    rule_files: ['/metrics/rules/*.yml'],
    scrape_configs: [],
  });
});

test('everything set: a job for each service, over TLS and with the password in a file where it asks for them', () => {
  const client = {
    scheme: 'https',
    tls_config: { ca_file: '/metrics/targets/alerts.ca.pem' },
    basic_auth: { username: 'admin', password_file: '/metrics/targets/alerts.password' },
    static_configs: [{ targets: ['127.0.0.1:9093'], labels: { kind: 'alertmanager' } }],
  };
  expect(JSON.parse(renderPrometheusYml({ ...minimal, targets: [plain, secured], alertmanagers: [secured] }))).toMatchObject({
    alerting: { alertmanagers: [client] },
    scrape_configs: [
      { job_name: 'metrics', scheme: 'http', static_configs: [{ targets: ['127.0.0.1:9090'], labels: { kind: 'prometheus' } }] },
      { job_name: 'alerts', ...client },
    ],
  });
});

test('a scrape may take no longer than the interval', () => {
  expect(JSON.parse(renderPrometheusYml({ ...minimal, scrapeIntervalSeconds: 1 }))).toMatchObject({ global: { scrape_timeout: '1s' } });
});

test('the web configuration names the user and, with TLS, the certificate', () => {
  expect(JSON.parse(renderWebConfig({ user: 'admin', passwordHash: '$2b$10$x' }))).toEqual({ basic_auth_users: { admin: '$2b$10$x' } });
  const tls = { certFile: '/metrics/server.pem', keyFile: '/metrics/server.key' };
  expect(JSON.parse(renderWebConfig({ user: 'admin', passwordHash: '$2b$10$x', tls }))).toEqual({
    tls_server_config: { cert_file: '/metrics/server.pem', key_file: '/metrics/server.key', min_version: 'TLS12' },
    basic_auth_users: { admin: '$2b$10$x' },
  });
});
