import {
  CustomVariableBuilder,
  type Dashboard,
  DashboardBuilder,
  DatasourceVariableBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Environment } from '../../environments/schema.ts';
import { isWatched } from '../prometheus/promql.ts';
import type { Alert } from '../resolve.ts';
import type { Subject } from '../row.ts';
import { operationsPanels } from './operations.ts';
import { overviewPanels } from './overview.ts';
import { panelOf } from './panels.ts';

/** Which subjects share a dashboard, and what it is called. */
const boards: Readonly<Record<string, { readonly title: string; readonly subjects: readonly Subject[] }>> = {
  overview: { title: 'Overview', subjects: ['probe', 'worker', 'prometheus', 'alertmanager'] },
  bus: { title: 'Event bus', subjects: ['outbox', 'postgres', 'streams'] },
  redis: { title: 'Redis', subjects: ['redis'] },
  kafka: { title: 'Kafka', subjects: ['kafka'] },
  rabbitmq: { title: 'RabbitMQ', subjects: ['rabbitmq'] },
  opensearch: { title: 'OpenSearch', subjects: ['opensearch'] },
};

type Declared = Pick<Environment, 'name' | 'alerts'>;
const panelWidth = 12;
const panelHeight = 8;

/** Dashboards of an environment by name: an overview, and one for each group of subjects that it has alerts of. */
export function dashboardsOf({ name, alerts: { runbooks } }: Declared, alerts: readonly Alert[]): Record<string, Dashboard> {
  const dashboards: Record<string, Dashboard> = {};
  for (const [board, { title, subjects }] of Object.entries(boards)) {
    const shown = alerts.filter(({ row }) => isWatched(row) && subjects.includes(row.subject));
    if (shown.length === 0 && board !== 'overview') continue;
    const builder = new DashboardBuilder(`Millrace ${name}: ${title}`)
      .uid(`millrace-${name}-${board}`)
      .tags(['millrace', name])
      .readonly()
      .refresh('30s')
      .time({ from: 'now-3h', to: 'now' })
      .timezone('browser')
      .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'));
    if (shown.length > 0) builder.withVariable(serviceChoice(shown));
    for (const panel of [...further(board), ...rowPanels(shown, runbooks)]) builder.withPanel(panel);
    dashboards[board] = builder.build();
  }
  return dashboards;
}

/** Panels that are of no alert. */
function further(board: string) {
  if (board === 'overview') return overviewPanels();
  return board === 'redis' ? operationsPanels() : [];
}

function rowPanels(alerts: readonly Alert[], runbooks: string) {
  return [...new Set(alerts.map(({ row }) => row))].filter(isWatched).map((row) =>
    panelOf(
      row,
      alerts.filter((alert) => alert.row === row),
      runbooks,
    )
      .span(panelWidth)
      .height(panelHeight),
  );
}

/** Lets the reader choose services; all of them at first. */
function serviceChoice(alerts: readonly Alert[]): CustomVariableBuilder {
  const names = [...new Set(alerts.map(({ service }) => service))].sort();
  return new CustomVariableBuilder('service')
    .label('Service')
    .values(names.join(','))
    .multi(true)
    .includeAll(true)
    .allValue(names.join('|'))
    .current({ text: 'All', value: '$__all', selected: true });
}
