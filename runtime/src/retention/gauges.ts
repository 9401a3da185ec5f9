import { type Signal, type SignalName, type SignalUnit, signals } from '../contracts/signals.ts';
import type { MetricsRegistry } from '../health/index.ts';
import type { GaugeValue } from './task.ts';

/** How Prometheus ends the name of a metric of a unit. */
const suffixes: Partial<Record<SignalUnit, string>> = { s: '_seconds', By: '_bytes', '%': '_percent' };

/** Signals as Prometheus reads them: `redis.stream.retention_held` is `millrace_redis_stream_retention_held_seconds`. */
export function gaugeRegistry(values: () => readonly GaugeValue[]): MetricsRegistry {
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    async metrics() {
      const all = values();
      const names = [...new Set(all.map(({ signal }) => signal))];
      return names
        .flatMap((name) =>
          textOf(
            name,
            all.filter(({ signal }) => signal === name),
          ),
        )
        .join('\n');
    },
  };
}

function textOf(name: SignalName, samples: readonly GaugeValue[]): string[] {
  const { meaning, unit }: Signal = signals[name];
  const metric = `millrace_${name.replaceAll('.', '_')}${suffixes[unit] ?? ''}`;
  const lines = samples.map(({ labels, value }) => `${metric}{${labelsOf(labels)}} ${value}`);
  return [`# HELP ${metric} ${meaning}`, `# TYPE ${metric} gauge`, ...lines];
}

function labelsOf(labels: GaugeValue['labels']): string {
  const pairs = Object.entries(labels);
  return pairs
    .map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
    .join(',');
}
