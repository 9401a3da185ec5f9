import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** One series of a metric, as an exporter is given it. */
export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Record<string, unknown>;
  /** Sum of a counter, count of a histogram. */
  readonly value: number;
  readonly boundaries: readonly number[] | undefined;
}

/** The real SDK, exporting into memory. */
export interface TestSdk {
  /** Spans that have ended since `forget`, in the order of their ends. */
  spans(): ReadableSpan[];
  /** The spans of one name, of which there must be one. */
  span(name: string): ReadableSpan;
  forget(): void;
  /** Everything measured since the start. */
  series(): Promise<Series[]>;
  stop(): Promise<void>;
}

export function startTestSdk(): TestSdk {
  const spans = new InMemorySpanExporter();
  const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 3_600_000, exportTimeoutMillis: 5_000 });
  const metering = new MeterProvider({ readers: [reader] });
  trace.setGlobalTracerProvider(tracing);
  metrics.setGlobalMeterProvider(metering);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return {
    spans: () => spans.getFinishedSpans(),
    span(name) {
      const found = spans.getFinishedSpans().filter((span) => span.name === name);
      if (found.length !== 1) throw new Error(`${found.length} spans are named ${name}, of ${spans.getFinishedSpans().map((s) => s.name)}`);
      return found[0]!;
    },
    forget: () => spans.reset(),
    async series() {
      measured.reset();
      await metering.forceFlush();
      const scopes = measured.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      return scopes.flatMap(({ metrics: all }) =>
        all.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
          dataPoints.map(({ attributes, value }): Series => {
            const histogram = typeof value === 'object' && 'count' in value ? value : undefined;
            const boundaries = histogram !== undefined && 'buckets' in histogram && 'boundaries' in histogram.buckets;
            return {
              ...{ name, unit, attributes, value: histogram?.count ?? (value as number) },
              boundaries: boundaries ? (histogram.buckets as { boundaries: number[] }).boundaries : undefined,
            };
          }),
        ),
      );
    },
    async stop() {
      trace.disable();
      metrics.disable();
      context.disable();
      await tracing.shutdown();
      await metering.shutdown();
    },
  };
}
