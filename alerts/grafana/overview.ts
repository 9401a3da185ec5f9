import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { chosenSource } from './panels.ts';

const height = 8;

/** What fires now, and who answers: the first look of whoever was woken up. */
export function overviewPanels() {
  return [
    new TableBuilder()
      .title('Firing alerts')
      .description('Empty is good: nothing fires. Each alert has a runbook of its name.')
      .datasource(chosenSource)
      .noValue('nothing fires')
      .span(16)
      .height(height)
      .withTarget(instant('sum without (job, instance, alertstate) (ALERTS{alertstate="firing"})').format(PromQueryFormat.Table)),
    new StatBuilder()
      .title('Targets that answer Prometheus')
      .description('1 for each service, and the probe, that Prometheus has reached at the last scrape.')
      .datasource(chosenSource)
      .span(8)
      .height(height)
      .withTarget(instant('min by (job) (up)').legendFormat('{{job}}')),
  ];
}

function instant(expression: string): DataqueryBuilder {
  return new DataqueryBuilder().datasource(chosenSource).refId('A').expr(expression).instant();
}
