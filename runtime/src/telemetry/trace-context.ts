import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api';
import type { MillraceEvent } from '../contracts/event.ts';

/** The attributes of an event that carry its creation context, as W3C Trace Context and the CloudEvents extension write it. */
export type TraceContext = Pick<MillraceEvent, 'traceparent' | 'tracestate'>;

/** Version, trace, span, flags; later versions may add to it. */
const traceparentPattern = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/;

/** The span that an event names, whatever propagator is registered: the attributes of an event have one notation. */
export function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext | undefined {
  const [, traceId, spanId, flags] = traceparentPattern.exec(traceparent ?? '') ?? [];
  if (flags === undefined) return undefined;
  const named = { traceId: traceId!, spanId: spanId!, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  if (!isSpanContextValid(named)) return undefined;
  return tracestate === undefined ? named : { ...named, traceState: createTraceState(tracestate) };
}

/** What an event says of a span; nothing of an invalid one, such as that of a suppressed trace. */
export function traceContextOf(span: SpanContext): TraceContext {
  if (!isSpanContextValid(span)) return {};
  const flags = span.traceFlags.toString(16).padStart(2, '0');
  const tracestate = span.traceState?.serialize();
  return { traceparent: `00-${span.traceId}-${span.spanId}-${flags}`, ...(tracestate ? { tracestate } : {}) };
}
