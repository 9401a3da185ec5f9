import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { serviceVariable } from './panels.ts';

/** One query of a dashboard, as Prometheus takes it. */
export interface DashboardQuery {
  readonly panel: string;
  readonly expression: string;
}

/** Every query of a dashboard, with all of its services chosen. */
export function queriesOf({ panels = [], templating }: Dashboard): DashboardQuery[] {
  const services = templating.list?.find(({ name }) => name === 'service')?.allValue ?? '';
  return panels.flatMap((panel) => {
    if (!('targets' in panel)) return [];
    return (panel.targets ?? []).map((target) => ({
      panel: panel.title ?? '',
      expression: String((target as { expr?: string }).expr).replaceAll(serviceVariable, services),
    }));
  });
}
