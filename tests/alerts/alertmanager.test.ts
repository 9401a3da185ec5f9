import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { renderAlertmanagerYml } from '../../alerts/alertmanager.ts';
import { labelsOf } from '../../alerts/prometheus/promql.ts';
import { alertRows } from '../../alerts/rows/index.ts';
import { local } from '../../environments/local.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';

const run = promisify(execFile);
const everyKind = {
  smtp: {
    host: 'mail.example.com',
    port: 587,
    from: 'millrace@example.com',
    username: 'millrace',
    password: { from: 'env', id: 'SMTP_PASSWORD' },
  },
  receivers: {
    warning: [{ kind: 'email', to: 'team@example.com' }],
    critical: [
      { kind: 'pagerduty', integrationKey: { from: 'file', id: 'keys/pagerduty' } },
      { kind: 'slack', webhook: { from: 'env', id: 'SLACK_WEBHOOK' } },
      { kind: 'webhook', url: 'http://127.0.0.1:9999/alerts' },
      { kind: 'email', to: 'duty@example.com' },
      { kind: 'email', to: 'lead@example.com' },
    ],
  },
} as const satisfies EnvironmentInput['alerts'];

const rendered = (alerts: NonNullable<EnvironmentInput['alerts']>) =>
  renderAlertmanagerYml(parseEnvironment({ ...local, alerts }).alerts, ({ id }) => `/secrets/${id}`);

let folder: TestFolder;
const at = (name: string) => join(folder.path, name);
beforeAll(async () => {
  folder = await testFolder('alertmanager');
  writeFileSync(at('nobody.yml'), rendered({}));
  writeFileSync(at('all.yml'), rendered(everyKind));
  writeFileSync(at('critical.yml'), rendered({ receivers: { critical: everyKind.receivers.critical }, smtp: everyKind.smtp }));
});
afterAll(() => folder.remove());

/** Receivers of an alert, as amtool finds them. */
const toldOf = async (file: string, ...labels: string[]) =>
  (await run('amtool', ['config', 'routes', 'test', `--config.file=${at(file)}`, ...labels])).stdout.trim();

test.each(['nobody', 'all', 'critical'])('amtool finds nothing wrong with %s.yml', async (name) => {
  expect((await run('amtool', ['check-config', at(`${name}.yml`)])).stdout).toContain('SUCCESS');
});

test('fails if a receiver has an unknown field', async () => {
  writeFileSync(at('wrong.yml'), rendered(everyKind).replace('routing_key_file', 'routing_key_path'));
  await expect(run('amtool', ['check-config', at('wrong.yml')])).rejects.toMatchObject({
    stdout: expect.stringContaining('routing_key_path'),
  });
});

test.each([
  ['all.yml', 'critical', 'critical'],
  ['all.yml', 'warning', 'warning'],
  ['all.yml', 'info', 'nobody'],
  ['critical.yml', 'warning', 'nobody'],
  ['critical.yml', 'critical', 'critical'],
  ['nobody.yml', 'critical', 'nobody'],
])('with %s, what is %s goes to %s', async (file, severity, receiver) => {
  expect(await toldOf(file, 'alertname=redis-memory', `severity=${severity}`, 'service=events')).toBe(receiver);
});

test('an alert without a severity, such as one of your own rules, tells nobody', async () => {
  expect(await toldOf('all.yml', 'alertname=Mine')).toBe('nobody');
});

test('the PagerDuty of Europe has an address of its own', () => {
  const urlOf = (region: 'us' | 'eu') => {
    const critical = [{ kind: 'pagerduty', region, integrationKey: { from: 'env', id: 'KEY' } }] as const;
    const { receivers } = JSON.parse(renderAlertmanagerYml({ receivers: { warning: [], critical: [...critical] } }, () => '/key'));
    return receivers[1].pagerduty_configs[0].url;
  };
  expect(urlOf('us')).toBeUndefined();
  expect(urlOf('eu')).toBe('https://events.eu.pagerduty.com/v2/enqueue');
});

test('every target is told of the end too, and secrets stand in files alone', () => {
  const { receivers } = JSON.parse(rendered(everyKind)) as { receivers: Record<string, object[] | string>[] };
  expect(receivers).toMatchObject([
    { name: 'nobody' },
    {
      name: 'critical',
      pagerduty_configs: [{ send_resolved: true, routing_key_file: '/secrets/keys/pagerduty' }],
      slack_configs: [{ send_resolved: true, api_url_file: '/secrets/SLACK_WEBHOOK' }],
      webhook_configs: [{ send_resolved: true, url: 'http://127.0.0.1:9999/alerts' }],
      email_configs: [{ to: 'duty@example.com' }, { to: 'lead@example.com', auth_password_file: '/secrets/SMTP_PASSWORD' }],
    },
    {
      name: 'warning',
      email_configs: [
        {
          send_resolved: true,
          to: 'team@example.com',
          from: 'millrace@example.com',
          smarthost: 'mail.example.com:587',
          auth_username: 'millrace',
        },
      ],
    },
  ]);
});

test('an alert that follows from another names rows that there are, and labels that both have', () => {
  const { inhibit_rules: rules } = JSON.parse(rendered(everyKind)) as {
    inhibit_rules: { source_matchers: string[]; target_matchers: string[]; equal?: string[] }[];
  };
  const named = rules.flatMap(({ source_matchers, target_matchers, equal = [] }) =>
    [...source_matchers, ...target_matchers].flatMap((matcher) => {
      const ids = /^alertname=~?"(.+)"$/.exec(matcher)?.[1]?.split('|') ?? [];
      return ids.map((id) => ({ id, equal }));
    }),
  );
  expect(named.length).toBeGreaterThan(14);
  for (const { id, equal } of named) {
    const row = alertRows.find((one) => one.id === id);
    expect([id, row !== undefined]).toEqual([id, true]);
    expect([id, ...equal.filter((label) => !labelsOf(row!.prometheus!).includes(label))]).toEqual([id]);
  }
});
