import { type Counter, type Histogram, type MeterProvider, metrics, type Tracer, trace } from '@opentelemetry/api';

/** Version of the semantic conventions that spans and metrics follow. All of their messaging part is in `development` in it; `error.type` is stable. */
const schemaUrl = 'https://opentelemetry.io/schemas/1.44.0';
const scope = 'millrace';

export function tracer(): Tracer {
  return trace.getTracerProvider().getTracer(scope, undefined, { schemaUrl });
}

/** @see https://github.com/open-telemetry/semantic-conventions/blob/v1.44.0/docs/messaging/messaging-metrics.md */
export interface Instruments {
  readonly sentMessages: Counter;
  readonly consumedMessages: Counter;
  /** Seconds, of the relay's sends. */
  readonly operationDuration: Histogram;
  /** Seconds, of handlers. */
  readonly processDuration: Histogram;
}

let made: { readonly by: MeterProvider; readonly instruments: Instruments } | undefined;

/** Made once for each SDK that is registered, because an instrument stays with the SDK that made it. */
export function instruments(): Instruments {
  const by = metrics.getMeterProvider();
  if (made?.by !== by) made = { by, instruments: makeInstruments(by) };
  return made.instruments;
}

/** As the conventions advise. */
const durations = {
  unit: 's',
  advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] },
};

function makeInstruments(provider: MeterProvider): Instruments {
  const meter = provider.getMeter(scope, undefined, { schemaUrl });
  const counter = (name: string, description: string) => meter.createCounter(name, { description, unit: '{message}' });
  const duration = (name: string, description: string) => meter.createHistogram(name, { description, ...durations });
  return {
    sentMessages: counter('messaging.client.sent.messages', 'Number of messages producer attempted to send to the broker.'),
    consumedMessages: counter('messaging.client.consumed.messages', 'Number of messages that were delivered to the application.'),
    operationDuration: duration(
      'messaging.client.operation.duration',
      'Duration of messaging operation initiated by a producer or consumer client.',
    ),
    processDuration: duration('messaging.process.duration', 'Duration of processing operation.'),
  };
}
