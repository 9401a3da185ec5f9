import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import { type PrometheusSettings, renderPrometheusYml, type Target } from '../../servers/prometheus/config.ts';
import { writeTargets } from '../../servers/prometheus/targets.ts';
import { renderWebConfig } from '../../servers/prometheus/web-config.ts';
import { testFolder } from '../support/folders.ts';

const minimal: PrometheusSettings = {
  ...{ environment: 'trial', scrapeIntervalSeconds: 15, rulesDir: '/metrics/rules', services: [] },
  probeAddress: '127.0.0.1:9100',
};
const probe = { job_name: 'probe', scheme: 'http', static_configs: [{ targets: ['127.0.0.1:9100'], labels: { kind: 'probe' } }] };
const plain: Target = { name: 'metrics', kind: 'prometheus', addresses: ['127.0.0.1:9090'] };
const secured: Target = {
  ...{ name: 'alerts', kind: 'alertmanager', addresses: ['127.0.0.1:9093'], caFile: '/metrics/targets/alerts.ca.pem' },
  credentials: { user: 'admin', passwordFile: '/metrics/targets/alerts.password' },
};

test('minimal: nothing to scrape but the probe, and nobody to tell', () => {
  expect(JSON.parse(renderPrometheusYml(minimal))).toEqual({
    global: { scrape_interval: '15s', scrape_timeout: '10s', evaluation_interval: '15s', external_labels: { environment: 'trial' } },
    rule_files: ['/metrics/rules/*.yml'],
    scrape_configs: [probe],
  });
});

test('everything set: a job for each service, over TLS and with the password in a file where it asks for them', () => {
  const client = {
    scheme: 'https',
    tls_config: { ca_file: '/metrics/targets/alerts.ca.pem' },
    basic_auth: { username: 'admin', password_file: '/metrics/targets/alerts.password' },
    static_configs: [{ targets: ['127.0.0.1:9093'], labels: { kind: 'alertmanager' } }],
  };
  expect(JSON.parse(renderPrometheusYml({ ...minimal, services: [plain, secured] }))).toMatchObject({
    alerting: { alertmanagers: [client] },
    scrape_configs: [
      { job_name: 'metrics', scheme: 'http', static_configs: [{ targets: ['127.0.0.1:9090'], labels: { kind: 'prometheus' } }] },
      { job_name: 'alerts', ...client },
      probe,
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

test('passwords are copied for their owner alone, and go with their service', async () => {
  const bound: BoundService = {
    ...{ kind: 'rabbitmq', role: 'tasks', endpoints: [{ purpose: 'metrics', host: '127.0.0.1', port: 15_692 }] },
    auth: { mode: 'password', username: 'admin', secretRef: { from: 'file', id: 'secrets/tasks' } },
  };
  const folder = await testFolder('targets');
  const dir = join(folder.path, 'targets');
  const read = () => 'secret';
  writeTargets(dir, { services: { tasks: bound, gone: bound }, read });
  expect(readdirSync(dir)).toEqual(['gone.password', 'tasks.password']);
  writeTargets(dir, { services: { tasks: bound }, read });
  expect(readdirSync(dir)).toEqual(['tasks.password']);
  expect(statSync(join(dir, 'tasks.password')).mode & 0o777).toBe(0o600);
  await folder.remove();
});
