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

/** What one worker has at hand. */
export interface Desk {
  readonly running: number;
  add(job: Job): void;
  /** Begins nothing until `go()`, or never again. @returns what was not begun */
  halt(forGood?: boolean): Job[];
  go(): void;
}

export interface DeskRules {
  readonly concurrency: number;
  /** Never rejects. */
  run(job: Job): Promise<void>;
  /** Puts a suspect back unbegun, for a second or more, so that it is not blamed for what another one does. Never rejects. */
  putBack(job: Job): Promise<void>;
  /** Resolves when what is being put back is back. */
  quiet(): Promise<void>;
  readonly intake: Pick<Intake, 'flush'>;
}

interface Place extends DeskRules {
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
export interface Room {
  openDesk(rules: DeskRules): Desk;
}

export function openRoom(): Room {
  const places = new Set<Place>();
  let running = 0;
  let alone = false;
  const begin = async (place: Place, job: Job): Promise<void> => {
    running += 1;
    place.running += 1;
    await place.run(job);
    running -= 1;
    place.running -= 1;
    if (!job.suspect) pump();
  };
  const beginAlone = async (): Promise<void> => {
    alone = true;
    const all = [...places];
    const [first, ...others] = all.flatMap((place) => place.suspects.splice(0).map((job) => ({ place, job })));
    await Promise.all(others.map(({ place, job }) => place.putBack(job)));
    // What the broker still takes for unanswered would count one more loss.
    await Promise.all(all.map(({ quiet, intake }) => quiet().then(intake.flush)));
    if (first !== undefined) await begin(first.place, first.job);
    alone = false;
    pump();
  };
  const pump = (): void => {
    if (alone) return;
    if ([...places].some(({ suspects }) => suspects.length > 0)) {
      if (running === 0) void beginAlone();
      return;
    }
    for (const place of places) {
      while (place.running < place.concurrency && place.waiting.length > 0) void begin(place, place.waiting.shift()!);
    }
  };
  return {
    openDesk(rules) {
      const place: Place = { ...rules, waiting: [], suspects: [], running: 0, closed: false };
      places.add(place);
      return {
        get running() {
          return place.running;
        },
        add(job) {
          if (job.suspect && alone) return void place.putBack(job);
          (job.suspect ? place.suspects : place.waiting).push(job);
          if (places.has(place)) pump();
        },
        halt(forGood = false) {
          places.delete(place);
          place.closed ||= forGood;
          const left = [...place.suspects.splice(0), ...place.waiting.splice(0)];
          pump();
          return left;
        },
        go() {
          if (!place.closed) places.add(place);
          pump();
        },
      };
    },
  };
}
