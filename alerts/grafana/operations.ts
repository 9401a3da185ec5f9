import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { recorded } from '../prometheus/recordings.ts';
import { chosenSource, serviceVariable } from './panels.ts';

/** So many standard deviations from the mean lie 997 of 1,000 values of a steady load. */
const deviations = 3;

/** What each Redis does, between the bounds of what was usual within a week: load that is strange shows without a threshold. */
export function operationsPanels() {
  const of = (name: string) => `${name}{service=~"${serviceVariable}"}`;
  const [mean, spread] = [of(recorded.mean), `${deviations} * ${of(recorded.deviation)}`];
  return [
    new PanelBuilder()
      .title('Operations a second, and what was usual within a week')
      .description(`The mean of the last five minutes; usual is the mean of a week and ${deviations} standard deviations more or less.`)
      .datasource(chosenSource)
      .unit('ops')
      .min(0)
      .span(24)
      .height(8)
      .withTarget(query('A', of(recorded.rate), '{{service}}'))
      .withTarget(query('B', `${mean} + ${spread}`, '{{service}} at most'))
      .withTarget(query('C', `clamp_min(${mean} - ${spread}, 0)`, '{{service}} at least')),
  ];
}

function query(refId: string, expression: string, legend: string): DataqueryBuilder {
  return new DataqueryBuilder().datasource(chosenSource).refId(refId).expr(expression).legendFormat(legend);
}
