import { type Logger, type LoggerOptions, pino } from 'pino';

/** As Lambda writes its own lines. @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html */
const logging: LoggerOptions = {
  base: null,
  messageKey: 'message',
  timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
  formatters: { level: (level) => ({ level: level.toUpperCase() }) },
};

/** Where a function of AWS Lambda writes. */
export interface FunctionOutput {
  /** JSON lines for people. */
  readonly logger: Logger;
  /** A line as it is. */
  line(text: string): void;
}

/**
 * Straight to standard output, past `console`: with the log format JSON, Lambda's own `console` would put each line, as a text, into a line of its own making,
 * in which CloudWatch finds no metrics. What is written otherwise becomes a log event as it is, of level INFO unless it says another.
 *
 * Everything is written when a call returns, because Lambda stops the process as soon as it has answered.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
export function functionOutput(): FunctionOutput {
  const destination = pino.destination({ dest: 1, sync: true });
  return {
    logger: pino(logging, destination),
    line: (text) => void destination.write(`${text}\n`),
  };
}
