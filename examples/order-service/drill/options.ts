import { parseArgs } from 'node:util';

export interface Options {
  readonly json: boolean;
}

export const help = `Usage: make drill, or tsx examples/order-service/drill.ts [options]

Starts Redis Sentinel, PostgreSQL, Prometheus and Alertmanager, runs the order service on them, and causes what alerts
are for: a backlog, a poisoned event, a stopped replica, a paused consumer, a full Redis. Each must ring in Alertmanager
within 90 s and be silent again after it was mended. Leaves nothing running.

  --json    print the result as one JSON document
  --help    this text

Progress goes to standard error, the result to standard output.
Exit codes: 0 every alert rang and went silent, 1 one did not or the drill failed, 130 interrupted.
`;

/** @returns undefined when help is asked for. @throws {TypeError} naming the flag that is unknown. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  return values.help ? undefined : { json: values.json };
}
