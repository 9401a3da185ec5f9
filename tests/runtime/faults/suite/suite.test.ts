import { type TestFolder, testFolder } from '../../../support/folders.ts';
import type { Nemesis } from './blow.ts';
import { type Built, buildPrograms } from './build.ts';
import { type Carrier, kafkaCarrier, rabbitCarrier, redisCarrier, sentinelCarrier } from './carriers.ts';
import { type DatabaseServer, startDatabase } from './database.ts';
import { kafkaNemeses, rabbitNemeses } from './nemeses-brokers.ts';
import { databaseNemeses } from './nemeses-database.ts';
import { processNemeses } from './nemeses-processes.ts';
import { redisNemeses } from './nemeses-redis.ts';
import { complaintsOf, tableOf } from './report.ts';
import { type Outcome, run } from './run.ts';

const long = process.env.FAULTS === 'long';
/** Of one nemesis in the long form. */
const seconds = Number(process.env.FAULT_SECONDS ?? 120);
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
/** Nemeses to run, by a pattern of their names. */
const only = new RegExp(process.env.FAULT_ONLY ?? '');

const nemeses: readonly Nemesis[] = [...processNemeses, ...databaseNemeses, ...redisNemeses, ...kafkaNemeses, ...rabbitNemeses];
const open: Record<Carrier['kind'], () => Promise<Carrier>> = {
  redis: redisCarrier,
  sentinel: sentinelCarrier,
  kafka: () => kafkaCarrier(long ? 3 : 1),
  rabbitmq: () => rabbitCarrier(),
};

/** What runs on every change: a few that differ, one after the other in one run. */
const short: Partial<Record<Carrier['kind'], readonly string[]>> = {
  redis: ['kill -9 of the relay after-publish', 'kill -9 of a consumer after-effect', 'PostgreSQL restarts', 'Redis is killed'],
  kafka: ['kill -9 of a consumer at random'],
  rabbitmq: ['a binding is removed'],
};

let server: DatabaseServer;
let folder: TestFolder;
let programs: Built;
const outcomes: Outcome[] = [];
const say = (line: string): void => void process.stdout.write(`faults: ${line}\n`);

beforeAll(async () => {
  say(`seed ${seed}; give it as FAULT_SEED to have the same again`);
  [server, folder] = await Promise.all([startDatabase(), testFolder('faults')]);
  programs = await buildPrograms(folder.path, 'sound');
}, 60_000);
afterAll(async () => {
  process.stdout.write(`\n${tableOf(outcomes)}\n`);
  await server.stop();
  await folder.remove();
});

function plansOf(kind: Carrier['kind']): (readonly Nemesis[])[] {
  const chosen = nemeses.filter(({ on, name }) => on.includes(kind) && only.test(name) && (long || short[kind]?.includes(name)));
  const possible = chosen.filter(({ name, impossible }) => {
    const why = impossible?.();
    if (why !== undefined) say(`left out: ${name} on ${kind} ${why}`);
    return why === undefined;
  });
  if (long) return possible.map((nemesis) => [nemesis]);
  return possible.length === 0 ? [] : [possible];
}

describe.each(Object.keys(open) as Carrier['kind'][])('on %s', (kind) => {
  const plans = plansOf(kind);
  if (plans.length === 0) return;
  test.each(plans.map((plan) => [plan.map(({ name }) => name).join(', '), plan] as const))(
    'nothing is lost, doubled or reordered: %s',
    async (name, plan) => {
      say(`${kind}: ${name}`);
      const carrier = await open[kind]();
      try {
        const outcome = await run({ server, carrier, programs, nemeses: plan, seed, seconds: long ? seconds : 0, say });
        outcomes.push(outcome);
        expect(complaintsOf(outcome)).toEqual([]);
      } finally {
        await carrier.stop();
      }
    },
    (long ? seconds + 300 : 180) * 1_000,
  );
});
