import { type Attributes, context, type Link, ROOT_CONTEXT, type Span, type SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { MillraceEvent } from '../contracts/event.ts';
import { attribute, errorTypeOf, type Operation } from './attributes.ts';
import { tracer } from './instruments.ts';
import { spanContextOf } from './trace-context.ts';

export interface Observation {
  readonly operation: Operation;
  readonly kind: SpanKind;
  readonly topic: string;
  readonly attributes: Attributes;
  readonly events: readonly MillraceEvent[];
  /** Whether the interface is one of batches, even if this one has a single event. */
  readonly batch: boolean;
}

/** What SDKs keep of a span's links by default: more are made and thrown away. With them a send of 500 events costs 0.3 ms, a process span 7 us. */
const maxLinks = 128;

/**
 * Runs `work` within a span that is linked to the creation contexts of the events.
 *
 * The span begins a trace of its own. A link is what the conventions have for it, and the only relation that a batch can have; and a loop that was started
 * somewhere would inherit the span in which it was started, for ever.
 *
 * @param onEnd told the seconds that it took and what it threw, if it did.
 */
export async function observe<T>(
  observation: Observation,
  work: (span: Span) => Promise<T>,
  onEnd: (seconds: number, failure?: { readonly error: unknown }) => void,
): Promise<T> {
  const { operation, kind, topic, attributes, events, batch } = observation;
  const own = batch ? { [attribute.messageCount]: events.length } : { [attribute.messageId]: events[0]?.id };
  const options = { kind, root: true, attributes: { ...attributes, ...own }, links: linksTo(events, batch) };
  const span = tracer().startSpan(`${operation} ${topic}`, options, ROOT_CONTEXT);
  const startedAt = performance.now();
  try {
    const result = await context.with(trace.setSpan(ROOT_CONTEXT, span), () => work(span));
    onEnd((performance.now() - startedAt) / 1_000);
    return result;
  } catch (error) {
    failed(span, error);
    onEnd((performance.now() - startedAt) / 1_000, { error });
    throw error;
  } finally {
    span.end();
  }
}

export function failed(span: Span, error: unknown): void {
  span.setAttribute(attribute.errorType, errorTypeOf(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
}

function linksTo(events: readonly MillraceEvent[], batch: boolean): Link[] {
  const links: Link[] = [];
  for (const event of events) {
    if (links.length === maxLinks) break;
    const created = spanContextOf(event);
    if (created !== undefined) links.push({ context: created, ...(batch && { attributes: { [attribute.messageId]: event.id } }) });
  }
  return links;
}
