import type { ServiceHandle } from '../../../binding/index.ts';
import { isMillraceError } from '../../../contracts/errors.ts';
import { counted } from '../../../wording.ts';
import type { Change, Danger } from '../../driver.ts';
import { type Counter, openCounter } from './count.ts';
import { refusal } from './errors.ts';
import type { PlannedChange, Risk } from './model.ts';

/** Counts what is at risk, when anything is. */
export async function withDangers(service: ServiceHandle, planned: readonly PlannedChange[]): Promise<Change[]> {
  if (planned.every(({ risks }) => risks.length === 0)) return planned.map(({ change }) => change);
  await using counter = await openCounter(service);
  return await Promise.all(planned.map((each) => withDanger(counter, service.name, each)));
}

async function withDanger(counter: Counter, service: string, { topic, change, risks }: PlannedChange): Promise<Change> {
  const counts = new Map<Risk, Count>();
  for (const risk of risks) counts.set(risk, await countFor(counter, service, topic, risk));
  const danger = dangerOf(risks, (risk) => counts.get(risk));
  return danger === undefined ? change : { ...change, danger };
}

/** Undefined while a partition has no leader to ask: the rest of the comparison stands. */
async function countFor(counter: Counter, service: string, topic: string, risk: Risk): Promise<Count> {
  try {
    return await (risk.kind === 'shorten' ? counter.older(topic, risk.retentionMs) : counter.messages(topic));
  } catch (error) {
    const reason = refusal(error, service, topic);
    if (isMillraceError(reason) && reason.retriable) return undefined;
    throw reason;
  }
}

/** Messages that a risk is about; undefined where they could not be counted. */
export type Count = number | undefined;

/** What the counted messages make of the risks; undefined when nothing would be lost. */
export function dangerOf(risks: readonly Risk[], count: (risk: Risk) => Count): Danger | undefined {
  const dangers = risks.flatMap((risk) => sentenceOf(risk, count(risk)));
  if (dangers.length === 0) return undefined;
  const lost = dangers.flatMap(({ messages }) => (messages === undefined ? [] : [messages]));
  const messages = lost.length === 0 ? undefined : lost.reduce((total, each) => total + each, 0);
  return { sentence: dangers.map(({ sentence }) => sentence).join(', and '), messages };
}

function sentenceOf(risk: Risk, messages: Count): Danger[] {
  switch (risk.kind) {
    case 'delete':
      return [{ sentence: `deletes the topic and ${messagesText(messages)}`, messages }];
    case 'replace':
      return [{ sentence: `deletes the topic with ${messagesText(messages)} and creates it again, because ${risk.reason}`, messages }];
    case 'move-keys': {
      const what = `moves keys from ${risk.from} to ${risk.to} partitions`;
      const outcome = `events of a key may overtake those of it among the ${messagesText(messages)} there are, until the old partitions are read`;
      return messages === 0 ? [] : [{ sentence: `${what}: ${outcome}` }];
    }
    case 'shorten':
      return messages === 0
        ? []
        : [{ sentence: `deletes ${messagesText(messages)} older than ${risk.retentionMs / 3_600_000} hours`, messages }];
  }
}

function messagesText(messages: Count): string {
  return messages === undefined ? 'messages that could not be counted' : counted(messages, 'message');
}
