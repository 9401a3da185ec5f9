import { SpanKind } from '@opentelemetry/api';
import type { Delivery } from '../transport.ts';
import { attribute, errorTypeOf, operationAttributes } from './attributes.ts';
import { instruments } from './instruments.ts';
import { isObserved } from './observed.ts';
import { observe } from './operation.ts';

/** Of `ConsumerSettings`, what telemetry tells of a consumer. */
export interface Observable {
  readonly system: string;
  readonly topicName: string;
  readonly group: string;
  readonly maxBatch: number;
  readonly handler: (deliveries: readonly Delivery[]) => Promise<void>;
}

/** Hands deliveries to the handler; with an SDK, within one `process` span linked to the creation contexts of the events, active while it runs. */
export function handle(settings: Observable, deliveries: readonly Delivery[]): Promise<void> {
  return isObserved() ? observedHandle(settings, deliveries) : settings.handler(deliveries);
}

function observedHandle(settings: Observable, deliveries: readonly Delivery[]): Promise<void> {
  const { system, topicName: topic, group, maxBatch, handler } = settings;
  const attributes = { ...operationAttributes('process', system, topic), [attribute.group]: group };
  const { consumedMessages, processDuration } = instruments();
  const events = deliveries.map(({ event }) => event);
  return observe(
    { operation: 'process', kind: SpanKind.CONSUMER, topic, attributes, events, batch: maxBatch > 1 },
    () => handler(deliveries),
    (seconds, failure) => {
      const outcome = failure === undefined ? attributes : { ...attributes, [attribute.errorType]: errorTypeOf(failure.error) };
      consumedMessages.add(deliveries.length, outcome);
      processDuration.record(seconds, outcome);
    },
  );
}
