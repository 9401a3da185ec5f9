import { GraphThresholdsStyleConfigBuilder, GraphThresholdsStyleMode } from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { SignalUnit } from '../../runtime/src/contracts/signals.ts';
import { labelsOf, quantityOf, type WatchedRow } from '../prometheus/promql.ts';
import type { Alert } from '../resolve.ts';
import type { Severity } from '../row.ts';
import { isShare, thresholdText } from '../units.ts';

/** The variable of every dashboard that chooses services, as queries say it. */
export const serviceVariable = '$service';
/** Whichever Prometheus the reader of the dashboard chooses. */
export const chosenSource = { type: 'prometheus', uid: '$datasource' };

/** Units by Grafana's names for them. */
const units: Readonly<Record<SignalUnit, string>> = {
  '1': 'none',
  s: 's',
  By: 'bytes',
  '%': 'percent',
  '{event}': 'short',
  '{entry}': 'short',
  '{message}': 'short',
  '{key}': 'short',
  '{transaction}': 'short',
  '{operation}': 'short',
  '{operation}/s': 'ops',
  '{connection}': 'short',
};

const colours: Readonly<Record<Severity, string>> = { info: 'blue', warning: 'orange', critical: 'red' };
const fine = 'green';

/** What a row compares over time, its thresholds as lines, and the way to its runbook. @param alerts of this row, one for each service */
export function panelOf(row: WatchedRow, alerts: readonly Alert[], runbooks: string): PanelBuilder {
  const runbook = new DashboardLinkBuilder('Runbook').type(DashboardLinkType.Link).url(`${runbooks}${row.id}.md`).targetBlank(true);
  return new PanelBuilder()
    .title(row.title)
    .description(`${row.id}: ${row.why}${limitsOf(row, alerts)}`)
    .datasource(chosenSource)
    .unit(isShare(row) ? 'percentunit' : units[row.unit])
    .min(0)
    .links([runbook])
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(stepsOf(row, alerts)))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
    .withTarget(
      new DataqueryBuilder()
        .datasource(chosenSource)
        .refId('A')
        .expr(quantityOf(row.prometheus, [serviceVariable]))
        .legendFormat(
          labelsOf(row.prometheus)
            .map((label) => `{{${label}}}`)
            .join(' '),
        ),
    );
}

/** Thresholds with the severities that they begin or end, from the lowest; those of services that differ stand side by side. */
function limits(alerts: readonly Alert[]): { threshold: number; severity: Severity; service: string }[] {
  return alerts
    .flatMap(({ levels, service }) => levels.map(({ threshold, severity }) => ({ threshold, severity, service })))
    .sort((a, b) => a.threshold - b.threshold);
}

/** From each threshold upwards the colour of what holds there; below the first the colour of what is less than it. */
function stepsOf({ comparison }: WatchedRow, alerts: readonly Alert[]) {
  const lines = limits(alerts).filter(({ threshold }, index, all) => threshold !== all[index - 1]?.threshold);
  const tooMuch = comparison.startsWith('>');
  const below = (index: number) => (lines[index] === undefined ? fine : colours[lines[index].severity]);
  const base = { value: null, color: tooMuch ? fine : below(0) };
  return [
    base,
    ...lines.map(({ threshold: value, severity }, index) => ({ value, color: tooMuch ? colours[severity] : below(index + 1) })),
  ];
}

function limitsOf(row: WatchedRow, alerts: readonly Alert[]): string {
  const texts = limits(alerts).map(({ threshold, severity }) => `${severity} when ${row.comparison} ${thresholdText(row, threshold)}`);
  return texts.length === 0 ? '' : ` Alerts: ${[...new Set(texts)].join(', ')}.`;
}
