/** Where every copy of `@opentelemetry/api` 1.x in a process keeps what an SDK has registered, so that they share it. */
const registry = Symbol.for('opentelemetry.js.api.1');

/**
 * Whether an SDK takes spans or measurements at present.
 *
 * Asked before anything else of OpenTelemetry is touched: without an SDK no span, link or set of attributes is made, and a service that only enqueues
 * does not load the API (9 KiB). The API answers the same question only after it is loaded. It takes 10 ns, once a batch of
 * the relay and once a call of a handler; a worker takes 2 us for an event with a handler that does nothing, and its spread hides the difference.
 */
export function isObserved(): boolean {
  const registered = (globalThis as { readonly [registry]?: { readonly trace?: unknown; readonly metrics?: unknown } })[registry];
  return !!(registered?.trace ?? registered?.metrics);
}
