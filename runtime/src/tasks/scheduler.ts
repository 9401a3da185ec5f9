import type { RabbitDelivery } from '../connections/rabbitmq/index.ts';
import type { Incoming } from './incoming.ts';
import type { Intake } from './intake.ts';

/** A task at hand: taken from the queue and not settled. */
export interface Job {
  readonly task: Incoming;
  /** The delivery, and those that came meanwhile of the same copy: after a lost connection the broker delivers it again. */
  readonly deliveries: RabbitDelivery[];
  /** It may be the one that ends processes, and this is its last attempt. */
  readonly suspect: boolean;
}

/** What one worker has at hand; its scheduler begins it. */
export interface Backlog {
  readonly running: number;
  add(job: Job): void;
  /** Begins nothing until `go()`, or never again. @returns what was not begun */
  halt(forGood?: boolean): Job[];
  go(): void;
}

export interface BacklogRules {
  readonly concurrency: number;
  /** Never rejects. */
  run(job: Job): Promise<void>;
  /** Puts a suspect back unbegun, for a second or more, so that it is not blamed for what another one does. Never rejects. */
  putBack(job: Job): Promise<void>;
  /** Resolves when what is being put back is back. */
  quiet(): Promise<void>;
  readonly intake: Pick<Intake, 'flush'>;
}

interface OpenBacklog extends BacklogRules {
  readonly waiting: Job[];
  readonly suspects: Job[];
  running: number;
  closed: boolean;
}

/**
 * The workers of one process, and which of their tasks is begun next.
 *
 * A task that ends its process takes those beside it along: each counts as begun once more. So one that was lost before and has its last attempt is begun when
 * nothing else runs and no other such task is at hand; if the process ends then, it was that task. One that comes meanwhile is put back at once.
 */
export interface Scheduler {
  openBacklog(rules: BacklogRules): Backlog;
}

export function createScheduler(): Scheduler {
  const backlogs = new Set<OpenBacklog>();
  let running = 0;
  let alone = false;
  const begin = async (own: OpenBacklog, job: Job): Promise<void> => {
    running += 1;
    own.running += 1;
    await own.run(job);
    running -= 1;
    own.running -= 1;
    if (!job.suspect) pump();
  };
  const beginAlone = async (): Promise<void> => {
    alone = true;
    const all = [...backlogs];
    const [first, ...others] = all.flatMap((own) => own.suspects.splice(0).map((job) => ({ own, job })));
    await Promise.all(others.map(({ own, job }) => own.putBack(job)));
    // What the broker still takes for unanswered would count one more loss.
    await Promise.all(all.map(({ quiet, intake }) => quiet().then(intake.flush)));
    if (first !== undefined) await begin(first.own, first.job);
    alone = false;
    pump();
  };
  const pump = (): void => {
    if (alone) return;
    if ([...backlogs].some(({ suspects }) => suspects.length > 0)) {
      if (running === 0) void beginAlone();
      return;
    }
    for (const own of backlogs) {
      while (own.running < own.concurrency && own.waiting.length > 0) void begin(own, own.waiting.shift()!);
    }
  };
  return {
    openBacklog(rules) {
      const own: OpenBacklog = { ...rules, waiting: [], suspects: [], running: 0, closed: false };
      backlogs.add(own);
      return {
        get running() {
          return own.running;
        },
        add(job) {
          if (job.suspect && alone) return void own.putBack(job);
          (job.suspect ? own.suspects : own.waiting).push(job);
          if (backlogs.has(own)) pump();
        },
        halt(forGood = false) {
          backlogs.delete(own);
          own.closed ||= forGood;
          const left = [...own.suspects.splice(0), ...own.waiting.splice(0)];
          pump();
          return left;
        },
        go() {
          if (!own.closed) backlogs.add(own);
          pump();
        },
      };
    },
  };
}
