import { type TestFolder, testFolder } from '../../../support/folders.ts';
import { type Built, buildPrograms } from './build.ts';
import { type Carrier, kafkaCarrier, rabbitCarrier, redisCarrier } from './carriers.ts';
import { collect, lookingTransport, quiesce } from './collect.ts';
import { type DatabaseServer, startDatabase } from './database.ts';
import { type Invariant, invariants, violations } from './invariants.ts';
import { setScene } from './scene.ts';
import { redisSettings, type SeededBug, seededBugs } from './seeded-bugs.ts';

/**
 * A suite that cannot fail shows nothing. Each bug is built into the programs and meets the smallest run that needs what it has taken away; the same run on
 * the true build violates nothing.
 */
let server: DatabaseServer;
let folder: TestFolder;
let sound: Built;

beforeAll(async () => {
  [server, folder] = await Promise.all([startDatabase(), testFolder('faults')]);
  sound = await buildPrograms(folder.path, 'sound');
}, 60_000);
afterAll(async () => {
  await server.stop();
  await folder.remove();
});

/** A lease that outlives a moment without the processor: nobody is superseded unasked. */
const times = { leaseMs: 3_000, rewindMs: 10_000 };
/** What is owed is given up when nothing has come for so long: in broken programs something may be lost, and a take-over takes 4 to 7 s. */
const stalledMs = { broken: 7_000, sound: 20_000 };

async function violatedBy(programs: Built, { scenario }: SeededBug, carrier: Carrier): Promise<Map<Invariant, string[]>> {
  const { duplicates: duplicatesAllowed = 0 } = scenario;
  const scene = await setScene({ server, carrier, programs, times });
  try {
    await scenario.run(scene);
    const transport = await lookingTransport(scene);
    await quiesce(scene, transport, { stalledMs: stalledMs[programs === sound ? 'sound' : 'broken'], settledMs: 400 });
    const evidence = await collect(scene, transport, { duplicatesAllowed });
    await transport.close();
    return violations(evidence);
  } finally {
    await scene.close(false);
  }
}

async function onItsOwn(programs: Built, bug: SeededBug): Promise<Map<Invariant, string[]>> {
  const carrier = bug.on === 'kafka' ? await kafkaCarrier() : await redisCarrier(redisSettings[bug.on ?? 'redis']);
  return violatedBy(programs, bug, carrier).finally(() => carrier.stop());
}

/** Each run has a server of its own, but for RabbitMQ, which takes long to start and is empty again after a run. */
async function withAndWithout(bug: SeededBug): Promise<Map<Invariant, string[]>[]> {
  const broken = await buildPrograms(folder.path, bug.name.replaceAll(' ', '-'), bug);
  if (bug.on !== 'rabbitmq') return Promise.all([broken, sound].map((programs) => onItsOwn(programs, bug)));
  const carrier = await rabbitCarrier();
  try {
    return [await violatedBy(broken, bug, carrier), await violatedBy(sound, bug, carrier)];
  } finally {
    await carrier.stop();
  }
}

test.each(seededBugs.map((bug) => [bug.name, bug.violates.join('; '), bug] as const))(
  '%s: the run that needs it shows exactly "%s", and nothing on the true build',
  async (_name, _violates, bug) => {
    const [withBug, without] = await withAndWithout(bug);
    expect([...withBug!.keys()].sort()).toEqual([...bug.violates].sort());
    expect(without).toEqual(new Map());
  },
  120_000,
);

test('every invariant is violated by a bug', () => {
  expect(new Set(seededBugs.flatMap(({ violates }) => violates))).toEqual(new Set(Object.keys(invariants)));
});
