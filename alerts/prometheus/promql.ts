import { dimensionsOf, prometheusName, type SignalName, signals } from '../../runtime/src/contracts/signals.ts';
import type { AlertRow, PrometheusView } from '../row.ts';

/** How long a value that is gone stands for what is, where a row says `as-before`; after that it is not known any more, and the probe's own alerts tell why. */
const rememberedMinutes = 10;

/** A row that Prometheus can see. */
export type WatchedRow = AlertRow & { readonly prometheus: PrometheusView };

/** Whether Prometheus can see what the row is about. */
export function isWatched(row: AlertRow): row is WatchedRow {
  return row.prometheus !== undefined;
}

/** Labels of the values of a row, `service` first where they have it. */
export function labelsOf(view: PrometheusView): readonly string[] {
  if ('expression' in view) return view.by;
  const { signal, by = dimensions(signal) } = view;
  return [...new Set(['service', ...by])];
}

function dimensions(signal: SignalName): readonly string[] {
  const told = dimensionsOf(signal);
  return signals[signal].labels.filter((label) => label === 'node' || told[label] !== undefined);
}

/** What a row compares, of some services. @param services their names, or one regular expression for them */
export function quantityOf(view: PrometheusView, services: readonly string[]): string {
  if ('expression' in view) return view.expression.replaceAll('$services', services.join('|'));
  const { signal, increaseOverSeconds } = view;
  const series = selectorOf(signal, services);
  const each = increaseOverSeconds === undefined ? series : `increase(${series}[${increaseOverSeconds}s])`;
  return `${signals[signal].fold} by (${labelsOf(view).join(', ')}) (${each})`;
}

/** Series of a signal. A name has nothing in it that a regular expression reads as something else. */
function selectorOf(signal: SignalName, services: readonly string[]): string {
  return `${prometheusName(signal)}{service=~"${services.join('|')}"}`;
}

/**
 * The whole condition of a rule: values beyond the threshold, and where a row says so, what it means that there are none.
 *
 * - `fine`: an expression without a value fires nothing, and what fires ends.
 * - `as-before`: the last value stands for ten minutes.
 * - `trouble`: one more alert for each service without any value. Its value is NaN, by which the summary knows it.
 */
export function conditionOf({ prometheus: view, comparison, missing }: WatchedRow, threshold: number, services: readonly string[]): string {
  const value = quantityOf(view, services);
  const lasting = missing === 'as-before' ? `last_over_time((${value})[${rememberedMinutes}m:15s])` : value;
  const beyond = `${'expression' in view ? `(${lasting})` : lasting} ${comparison} ${threshold}`;
  return missing === 'trouble' ? [beyond, ...services.map((service) => `absent(${seriesOf(view, service)}) * NaN`)].join(' or ') : beyond;
}

/** What is absent when a service has no values; `absent` takes the label `service` from an equation, not from a pattern. */
function seriesOf(view: PrometheusView, service: string): string {
  return 'expression' in view ? quantityOf(view, [service]) : `${prometheusName(view.signal)}{service="${service}"}`;
}

/** Whether values, or the want of them, do not tell by themselves which service they are of: then each service has a rule of its own, which does. */
export function needsServiceLabel({ prometheus: view, missing }: WatchedRow): boolean {
  return !labelsOf(view).includes('service') || (missing === 'trouble' && 'expression' in view);
}
