import { Buffer } from 'node:buffer';
import type { Failure } from '../../dead-letters.ts';

/** Of one failure. */
const keptCharacters = 1_000;
/** Of a history as JSON: all headers of a message have to fit into one frame of 128 KiB, with the attributes of the event. */
const keptBytes = 32_768;

/** A history short enough for a message: long texts are cut, and of many failures the first and the last ones stay. */
export function keptFailures(failures: readonly Failure[]): Failure[] {
  const kept = failures.map((failure) => ({ ...failure, message: failure.message.slice(0, keptCharacters) }));
  while (kept.length > 2 && Buffer.byteLength(JSON.stringify(kept)) > keptBytes) kept.splice(1, Math.ceil(kept.length / 10));
  return kept;
}
