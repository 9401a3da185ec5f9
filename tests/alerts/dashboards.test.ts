import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboardsOf } from '../../alerts/grafana/dashboards.ts';
import { queriesOf } from '../../alerts/grafana/queries.ts';
import { isWatched } from '../../alerts/prometheus/promql.ts';
import { alertsOf } from '../../alerts/resolve.ts';
import { alertRows } from '../../alerts/rows/index.ts';
import { local } from '../../environments/local.ts';
import { parseEnvironment } from '../../environments/schema.ts';
import { testFolder } from '../support/folders.ts';
import { promtool } from './promtool.ts';

const runbooks = 'https://wiki.example.com/runbooks/';
const environment = parseEnvironment({ ...local, alerts: { runbooks } });
const dashboards = dashboardsOf(environment, alertsOf(environment));
const all = Object.values(dashboards);

interface Panel {
  readonly title: string;
  readonly links?: readonly { readonly url: string }[];
  readonly fieldConfig: { readonly defaults: { readonly unit?: string; readonly thresholds?: { readonly steps: readonly object[] } } };
}
const panelsOf = (name: string) => (dashboards[name]?.panels ?? []) as unknown as Panel[];

test('a dashboard for each group of services, and a panel for every row that Prometheus sees, with its runbook', () => {
  expect(Object.keys(dashboards)).toEqual(['overview', 'bus', 'redis', 'kafka', 'rabbitmq', 'opensearch']);
  const links = Object.keys(dashboards).flatMap((name) => panelsOf(name).flatMap((panel) => (panel.links ?? []).map(({ url }) => url)));
  expect(links.sort()).toEqual(
    alertRows
      .filter(isWatched)
      .map(({ id }) => `${runbooks}${id}.md`)
      .sort(),
  );
});

test('a panel has its unit and its thresholds as lines, from the colour of what is fine to that of what is critical', () => {
  const memory = panelsOf('redis').find(({ title }) => title === 'Redis has used most of its memory');
  expect(memory?.fieldConfig.defaults).toMatchObject({
    unit: 'percentunit',
    custom: { thresholdsStyle: { mode: 'dashed' } },
    thresholds: {
      mode: 'absolute',
      steps: [
        { value: null, color: 'green' },
        { value: 0.8, color: 'orange' },
        { value: 0.9, color: 'red' },
      ],
    },
  });
  const headroom = panelsOf('bus').find(({ title }) => title === 'The log runs out of partitions');
  expect(headroom?.fieldConfig.defaults.thresholds?.steps).toEqual([
    { value: null, color: 'red' },
    { value: 500_000, color: 'orange' },
    { value: 3_000_000, color: 'green' },
  ]);
});

test('an environment with less has fewer dashboards', () => {
  const { cache, metrics } = environment.services;
  const small = { ...environment, services: { cache: cache!, metrics: metrics! } };
  expect(Object.keys(dashboardsOf(small, alertsOf(small)))).toEqual(['overview', 'redis']);
});

test('promtool reads every query, with its services in place of the variable', async () => {
  await using folder = {
    ...(await testFolder('dashboards')),
    async [Symbol.asyncDispose]() {
      await this.remove();
    },
  };
  const rules = all.flatMap(queriesOf).map(({ expression }, index) => ({ record: `query:${index}`, expr: expression }));
  expect(JSON.stringify(rules)).not.toContain('$');
  const check = (what: readonly object[]) => {
    const file = join(folder.path, 'queries.yml');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules: what }] }));
    return promtool('check', 'rules', file);
  };
  expect(await check(rules)).toMatchObject({ ok: true });
  expect(await check([...rules, { record: 'query:wrong', expr: 'sum by (' }])).toMatchObject({ ok: false });
});

test('no query asks for a tenant', () => {
  expect(all.flatMap(queriesOf).filter(({ expression }) => /tenant/i.test(expression))).toEqual([]);
});
