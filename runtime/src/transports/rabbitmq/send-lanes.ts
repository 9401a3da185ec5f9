import type { PublishLane } from './lanes.ts';
import type { Turns } from './turns.ts';
import type { Window } from './window.ts';

/** What sending does with events, by their indices. */
export interface LaneWork {
  isAborted(): boolean;
  send(index: number): Promise<void>;
  done(index: number): void;
  failed(lane: PublishLane, reason: LaneEnd): void;
}

/** Why a lane ends early. */
export type LaneEnd = 'aborted' | 'failed before' | { readonly error: unknown };

/** Sends the events of each lane one after the other, as many lanes at once as the window allows. Resolves when every lane has come to its end or failed. */
export function sendLanes(
  lanes: readonly PublishLane[],
  { window, turns }: { readonly window: Window; readonly turns: Turns },
  work: LaneWork,
): Promise<void> {
  return new Promise((resolve) => {
    const queue = openQueue();
    let open = lanes.length;
    const pump = (): void => {
      for (let lane = queue.first(); lane !== undefined; lane = queue.first()) {
        if (!window.take(pump)) return;
        queue.shift();
        sendNext(lane);
      }
      if (open === 0) resolve();
    };
    const end = (lane: PublishLane, reason?: LaneEnd): void => {
      open -= 1;
      if (reason !== undefined) work.failed(lane, reason);
      if (lane.key !== undefined) turns.pass(lane.key, reason !== undefined);
    };
    const sendNext = (lane: PublishLane): void => {
      if (work.isAborted()) {
        end(lane, 'aborted');
        window.give();
        return;
      }
      sendOne(lane, work, (reason) => {
        if (reason !== undefined || lane.done === lane.indices.length) end(lane, reason);
        else queue.goOn(lane);
        window.give();
        pump();
      });
    };
    const onTurn = (lane: PublishLane, failed: boolean): void => {
      if (failed) end(lane, 'failed before');
      else queue.add(lane);
      pump();
    };
    for (const lane of lanes) {
      if (lane.key === undefined || turns.take(lane.key, (failed) => onTurn(lane, failed))) queue.add(lane);
    }
    pump();
  });
}

function sendOne(lane: PublishLane, work: LaneWork, settled: (reason?: LaneEnd) => void): void {
  const index = lane.indices[lane.done]!;
  work.send(index).then(
    () => {
      work.done(index);
      lane.done += 1;
      settled();
    },
    (error: unknown) => settled({ error }),
  );
}

/** Lanes whose next event may be sent. */
interface LaneQueue {
  add(lane: PublishLane): void;
  /** One that was begun goes before others, for the longest lane decides when all is done. */
  goOn(lane: PublishLane): void;
  first(): PublishLane | undefined;
  shift(): void;
}

function openQueue(): LaneQueue {
  const ready: PublishLane[] = [];
  const begun: PublishLane[] = [];
  let next = 0; // in `ready`: taking from the front of an array costs its length
  return {
    add: (lane) => void ready.push(lane),
    goOn: (lane) => void begun.push(lane),
    first: () => begun.at(-1) ?? ready[next],
    shift() {
      if (begun.pop() === undefined) next += 1;
    },
  };
}
