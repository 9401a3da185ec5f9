import type { ServiceHandle } from '../../binding/index.ts';
import { redisError, replyCode } from '../../connections/redis/errors.ts';
import { visitNode } from '../../connections/redis/nodes.ts';
import type { BoundService, Endpoint } from '../../contracts/binding.ts';
import { isMillraceError } from '../../contracts/errors.ts';
import { counted, listed } from '../../wording.ts';
import { type Examination, type Ground, type Notes, note } from '../examination.ts';
import { errorProblem } from '../problem.ts';
import { examineRedis } from './redis.ts';

export const redisSentinelExamination: Examination = {
  purposes: ['sentinel'],
  tellsOfEach: true,
  async examine(ground) {
    const sentinels = lookAtSentinels(ground);
    // The master is looked at even when a sentinel refuses us, and the other way round.
    const [asked, examined] = await Promise.allSettled([sentinels, examineRedis(ground)]);
    if (asked.status === 'fulfilled' && examined.status === 'fulfilled') ground.notes.state += `, ${asked.value}`;
    // Where no sentinel knows the set, that nobody leads to its master is the same problem.
    if (ground.notes.problems.some(({ code }) => code === 'SENTINEL_SET_UNKNOWN')) return;
    if (examined.status === 'rejected') throw examined.reason;
    if (asked.status === 'rejected') throw asked.reason;
  },
};

interface Word {
  readonly address: string;
  /** Undefined where it watches no set of this name. */
  readonly master?: string | undefined;
  /** Whether it counts enough others for a fail-over. */
  readonly quorum?: boolean;
  readonly fault?: Error;
}

/** Asks each sentinel which server is the master, and whether enough of them are there. @returns how many answer, for people */
async function lookAtSentinels({ handle, notes }: Ground): Promise<string> {
  const sentinels = handle.service.endpoints.filter(({ purpose }) => purpose === 'sentinel');
  const words = await Promise.all(sentinels.map((endpoint) => askSentinel(handle, endpoint)));
  const answering = words.filter(({ fault }) => fault === undefined);
  // When none answers, the connection to the master tells why.
  if (answering.length > 0) {
    noteFaults(notes, words);
    noteVerdicts(notes, handle.service.masterName ?? '', answering, sentinels.length);
  }
  return `${answering.length} of ${counted(sentinels.length, 'sentinel')}`;
}

function noteFaults(notes: Notes, words: readonly Word[]): void {
  for (const { fault } of words) {
    if (fault === undefined) continue;
    const isAway = isMillraceError(fault, 'CONNECTION_FAILED') || isMillraceError(fault, 'CONNECTION_TIMEOUT');
    if (isAway) note(notes, 'degraded', 'SENTINEL_MISSING', fault.message);
    else notes.problems.push(errorProblem(notes.service, fault, 'degraded'));
  }
}

function noteVerdicts(notes: Notes, name: string, answering: readonly Word[], bound: number): void {
  const ignorant = answering.filter(({ master }) => master === undefined).map(({ address }) => address);
  if (ignorant.length > 0) {
    note(notes, 'down', 'SENTINEL_SET_UNKNOWN', `${sentinelsAt(ignorant)} no set named ${name}`);
    return;
  }
  const short = answering.filter(({ quorum }) => quorum === false).map(({ address }) => address);
  if (short.length > 0 || answering.length <= bound / 2) {
    const who = short.length > 0 ? listed(short) : `from here only ${answering.length} of ${bound} answer`;
    note(notes, 'degraded', 'SENTINEL_NO_QUORUM', `no fail-over is possible: too few sentinels see each other (${who})`);
  }
  const masters = [...new Set(answering.map(({ master }) => master!))];
  if (masters.length > 1) note(notes, 'degraded', 'SENTINEL_DISAGREE', `sentinels name different masters: ${listed(masters)}`);
}

function sentinelsAt(addresses: readonly string[]): string {
  return addresses.length === 1 ? `sentinel ${addresses[0]} watches` : `sentinels ${listed(addresses)} watch`;
}

async function askSentinel(handle: ServiceHandle, endpoint: Endpoint): Promise<Word> {
  const { sentinelSecretRef, masterName = '' } = { ...handle.service.auth, ...handle.service };
  const address = `${endpoint.host}:${endpoint.port}`;
  const auth: BoundService['auth'] =
    sentinelSecretRef === undefined ? { mode: 'none' } : { mode: 'password', secretRef: sentinelSecretRef };
  try {
    return await visitNode(handle, endpoint, { name: 'millrace-doctor', auth }, async (sentinel) => {
      const master = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)) as [string, string] | null;
      if (master === null) return { address };
      return { address, master: master.join(':'), quorum: await hasQuorum(sentinel.call('SENTINEL', 'CKQUORUM', masterName)) };
    });
  } catch (error) {
    return { address, fault: redisError(error, `sentinel ${address}`) };
  }
}

/** It answers with an error when there is none. */
async function hasQuorum(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    if (replyCode(error) === 'NOQUORUM') return false;
    throw error;
  }
}
