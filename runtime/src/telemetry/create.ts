import { context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { attribute, operationAttributes } from './attributes.ts';
import { tracer } from './instruments.ts';
import { failed } from './operation.ts';
import { type TraceContext, traceContextOf } from './trace-context.ts';

/** The broker is known only when the event is sent. */
const system = 'millrace';

/**
 * Gives events that name no trace their creation context, and writes them.
 *
 * A `create` span an event: children of the active span, ended when the events are written. An event whose caller has named a trace keeps it.
 */
export async function createEvents<E extends TraceContext & { readonly topic: string }>(
  events: readonly E[],
  { createSpans = true }: { readonly createSpans?: boolean },
  write: (events: readonly E[]) => Promise<string[]>,
): Promise<string[]> {
  const spans = new Map<number, Span>();
  const active = trace.getSpan(context.active())?.spanContext();
  const created = events.map((event, i): E => {
    if (event.traceparent !== undefined) return event;
    if (!createSpans) return active === undefined ? event : { ...event, ...traceContextOf(active) };
    const attributes = operationAttributes('create', system, event.topic);
    const span = tracer().startSpan(`create ${event.topic}`, { kind: SpanKind.PRODUCER, attributes });
    spans.set(i, span);
    return { ...event, ...traceContextOf(span.spanContext()) };
  });
  try {
    const ids = await write(created);
    for (const [i, span] of spans) span.setAttribute(attribute.messageId, ids[i]!);
    return ids;
  } catch (error) {
    for (const span of spans.values()) failed(span, error);
    throw error;
  } finally {
    for (const span of spans.values()) span.end();
  }
}
