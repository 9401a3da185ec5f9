import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { type Journal, nowMs } from '../../../../../examples/order-service/src/journal.ts';
import { isMillraceError } from '../../../../../runtime/src/contracts/errors.ts';
import type { Point, PointCommand } from './settings.ts';

export interface Points {
  /** Returns at once where nothing is armed. @returns whether it was held */
  reach(point: Point): Promise<boolean>;
  command(command: PointCommand): void;
}

/** The fail-points of this process. */
export function createPoints(journal: Journal): Points {
  const armed = new Map<Point, 'kill' | 'hold'>();
  const held = new Map<Point, () => void>();
  return {
    async reach(point) {
      const act = armed.get(point);
      if (act === undefined) return false;
      armed.delete(point);
      journal('reached', nowMs(), point);
      if (act === 'kill') process.kill(process.pid, 'SIGKILL');
      await new Promise<void>((resolve) => held.set(point, resolve));
      return true;
    },
    command(command) {
      if (command.do === 'arm') armed.set(command.point, command.act);
      else held.get(command.point)?.();
    },
  };
}

/** Hands each line of standard input on, as JSON; the end of the input is the end of whoever steers, and of this process. */
export function onCommands<T>(handle: (command: T) => unknown): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => void handle(JSON.parse(line) as T));
  lines.on('close', () => process.exit(0));
}

/** Opens something as soon as its server can be reached and is put right; processes start while servers are away. */
export async function patiently<T>(open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!isMillraceError(error) || !(error.retriable || error.code === 'REDIS_EVICTS')) throw error;
      process.stdout.write(`warn not yet: ${error.code} ${error.message}\n`);
      await pause(200);
    }
  }
}

/** Resolves at SIGTERM. */
export function asked(): Promise<void> {
  return new Promise((resolve) => process.once('SIGTERM', () => resolve()));
}
