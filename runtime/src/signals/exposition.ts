import { prometheusName, type Sample, type Signal, type SignalName, signals } from '../contracts/signals.ts';
import type { MetricsRegistry } from '../health/index.ts';

/** Samples as Prometheus reads them, in its text format: `redis.stream.lag` is `millrace_redis_stream_lag`. */
export function signalRegistry(samples: () => readonly Sample[]): MetricsRegistry {
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    async metrics() {
      const byName = new Map<SignalName, Sample[]>();
      for (const sample of samples()) {
        const known = byName.get(sample.signal);
        if (known === undefined) byName.set(sample.signal, [sample]);
        else known.push(sample);
      }
      return [...byName].flatMap(([name, own]) => textOf(name, own)).join('\n');
    },
  };
}

function textOf(name: SignalName, samples: readonly Sample[]): string[] {
  const { meaning, kind }: Signal = signals[name];
  const metric = prometheusName(name);
  const lines = samples.map(({ labels, value }) => `${metric}{${labelsOf(labels)}} ${value}`);
  return [`# HELP ${metric} ${meaning}`, `# TYPE ${metric} ${kind}`, ...lines];
}

function labelsOf(labels: Sample['labels']): string {
  const pairs = Object.entries(labels);
  return pairs.map(([name, value]) => `${name}="${escaped(value)}"`).join(',');
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
