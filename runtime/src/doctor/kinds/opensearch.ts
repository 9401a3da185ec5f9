import { statusOf } from '../../connections/opensearch/errors.ts';
import { connectSearch, type SearchConnection } from '../../connections/opensearch/index.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import type { CheckOutcome, Fault } from '../../health/check.ts';
import { searchCheck } from '../../health/opensearch-check.ts';
import { counted } from '../../wording.ts';
import { noteClock } from '../clock.ts';
import { clientName, type Examination, type Ground, noteCheck, noteLatency, observed } from '../examination.ts';

export const openSearchExamination: Examination = { purposes: ['node', 'primary'], examine };

/** Figures of a node are kept for a second before they are taken anew. */
const grainMs = 1_000;

async function examine(ground: Ground): Promise<void> {
  const { handle, limits, notes } = ground;
  const { connectMs: connectTimeoutMs, answerMs: requestTimeoutMs } = limits;
  await using search = await connectSearch(handle, {
    name: clientName,
    connectTimeoutMs,
    requestTimeoutMs,
    closeTimeoutMs: 500,
    maxRetries: 0,
  });
  const page = await noteLatency(notes, () => ask<{ version?: { number?: string; distribution?: string } }>(search, '/'));
  notes.version = page?.version?.number;
  // A node alone never has a place for replicas.
  const isAlone = ({ code }: Fault, found: CheckOutcome) => code === 'OPENSEARCH_YELLOW' && observed(found, 'nodes') === '1';
  const outcome = await noteCheck(ground, searchCheck(search, { timeoutMs: requestTimeoutMs }), isAlone);
  const nodes = Number(observed(outcome, 'nodes') ?? 0);
  notes.state = [observed(outcome, 'clusterStatus'), nodes > 0 && counted(nodes, 'node')].filter(Boolean).join(', ') || 'reachable';
  await noteClock(notes, () => clockOf(search), grainMs);
}

async function clockOf(search: SearchConnection): Promise<number | undefined> {
  const stats = await ask<{ nodes?: Record<string, { timestamp?: number }> }>(search, '/_nodes/_local/stats/process');
  return Object.values(stats?.nodes ?? {})[0]?.timestamp;
}

/** Undefined where the user may not ask, or a serverless collection has no such thing. */
async function ask<T>({ client }: SearchConnection, path: string): Promise<T | undefined> {
  try {
    return await client.transport.request<T>({ method: 'GET', path });
  } catch (error) {
    if (isMillraceError(error, 'ACCESS_DENIED') || statusOf(error) === 404) return undefined;
    throw error;
  }
}
