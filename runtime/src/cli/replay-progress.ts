import type { ClientBase } from 'pg';
import { Pause } from '../pause.ts';
import { type ReplayStanding, replayStanding } from '../replay/requests.ts';
import { counted } from '../wording.ts';

const lookMs = 500;
/** Longer without a holder, and a person is told why nothing happens. */
const patienceMs = 10_000;

/** Waits until a replay has ended, or `stop`: it goes on then. On a terminal it shows how far it has come. */
export async function followReplay(client: ClientBase, run: string, stop: AbortSignal): Promise<ReplayStanding> {
  const { stderr } = process;
  let idleSince = performance.now();
  let told = false;
  for (;;) {
    const standing = await replayStanding(client, run);
    const { state, group, holder } = standing;
    const isOver = state !== 'requested' && state !== 'running';
    if (stderr.isTTY) stderr.write(`\r\u001b[K${lineOf(standing)}${isOver ? '\n' : ''}`);
    if (isOver || stop.aborted) return standing;
    if (holder !== null) idleSince = performance.now();
    if (!told && performance.now() - idleSince > patienceMs) {
      told = true;
      stderr.write(`${stderr.isTTY ? '\n' : ''}nobody works on it: is there a process of ${group} with startReplays for its topic?\n`);
    }
    await new Pause().wait(lookMs, stop);
  }
}

function lineOf({ run, state, handled, failed, expected }: ReplayStanding): string {
  const share = expected === 0 ? 100 : Math.floor(((handled + failed) / expected) * 100);
  return `${run}: ${state}, ${Math.min(100, share)} %, ${handled} of ${counted(expected, 'event')}`;
}

export function sentenceOfReplay({ run, state, handled, failed, expected, error, holder }: ReplayStanding): string {
  const given = failed === 0 ? '' : `, ${failed} given up (millrace replay show ${run})`;
  const who = holder === null ? '' : ` at ${holder}`;
  const why = error === null ? '' : `: ${error}`;
  return `replay ${run} is ${state}${who}: ${handled} of ${counted(expected, 'event')} handled${given}${why}`;
}
