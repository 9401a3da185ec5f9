import { parseArgs } from 'node:util';

export interface Options {
  readonly seconds: number;
  readonly ordersPerSecond: number;
  readonly json: boolean;
  readonly withoutInbox: boolean;
}

export const help = `Usage: make demo, or tsx examples/order-service/demo.ts [options]

Starts Redis Sentinel and PostgreSQL, places orders through four writers, kills -9 the active relay, a consumer
and the Redis master meanwhile, and counts what became of every event. Leaves nothing running.

  --seconds N       how long orders are placed (default 60, at least 15)
  --orders N        orders placed a second, each is later paid (default 100)
  --without-inbox   show what the inbox is for: the inventory applies effects without it, and the demo fails
  --json            print the result as one JSON document
  --help            this text

Progress goes to standard error, the result to standard output.
Exit codes: 0 every invariant holds, 1 one does not or the demo failed, 130 interrupted.
`;

/** @returns undefined when help is asked for. @throws {TypeError} naming the flag that is unknown or malformed. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      orders: { type: 'string', default: '100' },
      json: { type: 'boolean', default: false },
      'without-inbox': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    seconds: wholeNumber('--seconds', values.seconds, 15, 3_600),
    ordersPerSecond: wholeNumber('--orders', values.orders, 4, 100_000),
    json: values.json,
    withoutInbox: values['without-inbox'],
  };
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new TypeError(`${flag} must be a whole number from ${least} to ${most}, got ${text}`);
  }
  return value;
}
