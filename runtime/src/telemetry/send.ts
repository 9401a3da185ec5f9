import { SpanKind } from '@opentelemetry/api';
import type { MillraceEvent } from '../contracts/event.ts';
import type { PublishOptions, PublishResult, Transport } from '../transport.ts';
import { attribute, errorTypeOf, operationAttributes, systemOf } from './attributes.ts';
import { instruments } from './instruments.ts';
import { isObserved } from './observed.ts';
import { failed, observe } from './operation.ts';

/** Publishes a batch; with an SDK, within one `send` span linked to the creation contexts of its events. */
export function send(
  transport: Transport,
  topic: string,
  events: readonly MillraceEvent[],
  options: PublishOptions,
): Promise<readonly PublishResult[]> {
  return isObserved() ? observedSend(transport, topic, events, options) : transport.publish(topic, events, options);
}

function observedSend(
  transport: Transport,
  topic: string,
  events: readonly MillraceEvent[],
  options: PublishOptions,
): Promise<readonly PublishResult[]> {
  const attributes = operationAttributes('send', systemOf(transport.kind), topic);
  const { sentMessages, operationDuration } = instruments();
  let refusal: { readonly error: unknown } | undefined;
  return observe(
    { operation: 'send', kind: SpanKind.CLIENT, topic, attributes, events, batch: true },
    async (span) => {
      const results = await transport.publish(topic, events, options);
      const failures = failuresOf(results);
      refusal = failures[0];
      if (refusal !== undefined) failed(span, refusal.error);
      if (results.length > failures.length) sentMessages.add(results.length - failures.length, attributes);
      for (const [type, count] of countByType(failures)) sentMessages.add(count, { ...attributes, [attribute.errorType]: type });
      return results;
    },
    (seconds, failure = refusal) => {
      operationDuration.record(
        seconds,
        failure === undefined ? attributes : { ...attributes, [attribute.errorType]: errorTypeOf(failure.error) },
      );
    },
  );
}

function failuresOf(results: readonly PublishResult[]): { readonly error: Error }[] {
  return results.flatMap((result) => (result.status === 'failed' ? [result] : []));
}

function countByType(failures: readonly { readonly error: Error }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { error } of failures) counts.set(errorTypeOf(error), (counts.get(errorTypeOf(error)) ?? 0) + 1);
  return counts;
}
