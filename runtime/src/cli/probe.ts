import { once } from 'node:events';
import { Command } from 'commander';
import { pino } from 'pino';
import type { LoadedBinding } from '../binding/index.ts';
import type { Sample } from '../contracts/signals.ts';
import { createHealth, startHealthServer } from '../health/index.ts';
import { probeBeacon, probeCheck } from '../probe/check.ts';
import { emfLines } from '../probe/emf.ts';
import type { Look } from '../probe/look.ts';
import { openLooks } from '../probe/open.ts';
import { closeLooks, defaultTimeoutMs, type LookOutcome, type Probe, sampleOnce, startProbe } from '../probe/probe.ts';
import { signalRegistry } from '../signals/exposition.ts';
import { readTopology } from '../topology/index.ts';
import { type BindingFlags, bindingOf, withBinding } from './binding.ts';
import { endSoon, report, sentenceOf } from './outcome.ts';
import { samplesTable } from './samples-table.ts';
import { atLeast, type ServingFlags, stopSignal, withServing } from './serving.ts';

interface Flags extends BindingFlags, ServingFlags {
  readonly only?: readonly string[];
  readonly intervalSeconds: number;
  readonly once: boolean;
  readonly json: boolean;
  readonly emf: boolean;
}

const examples = `
Examples:
  millrace probe --once --only events          what waits, hangs and was given up on the streams of one service, as a table
  millrace probe --http-port 9100              for Prometheus, which reads http://127.0.0.1:9100/metrics
  millrace probe --emf                         for CloudWatch, whose agent or log driver reads standard output

It comes as the user probe of a service where the binding has one, and asks so little that servers do not feel it. Exit codes with --once: 0 every
service was looked at; 1 one could not be, the others are told. Without --once it runs until SIGTERM, and probe.up tells of what cannot be looked at.`;

/** `millrace probe`: samples what servers do not publish by themselves. */
export function probeCommand(): Command {
  return withServing(withBinding(new Command('probe')))
    .description('sample what services do not publish themselves, for Prometheus and CloudWatch; SIGTERM ends')
    .option('--only <service...>', 'services of the binding to look at (default: all)')
    .option('--interval-seconds <seconds>', 'time from one look at a service to the next', atLeast(1), 15)
    .option('--once', 'look once, print what there is and end', false)
    .option('--json', 'with --once: print one JSON document', false)
    .option('--emf', "print each look in CloudWatch's embedded metric format; the log goes to standard error", false)
    .addHelpText('after', examples)
    .action((flags: Flags, command: Command) => {
      if (flags.json && !flags.once) command.error('error: --json belongs to --once; without it give --http-port or --emf');
      if (flags.json && flags.emf) command.error('error: --json and --emf exclude each other');
      if (!flags.once && !flags.emf && flags.httpPort === undefined)
        command.error('error: nobody would learn of the samples: give --once, --http-port or --emf');
      return run(flags).finally(endSoon);
    });
}

async function run(flags: Flags): Promise<void> {
  const stop = stopSignal();
  const binding = await bindingOf(flags);
  const looks = await openLooks(binding, await readTopology(binding), { only: flags.only, undeclared: !flags.emf });
  if (flags.once) return lookOnce(flags, binding, looks);
  const logger = pino({ name: 'millrace probe' }, flags.emf ? process.stderr : process.stdout);
  const intervalMs = flags.intervalSeconds * 1_000;
  const onSamples = flags.emf ? (samples: readonly Sample[]) => printEmf(samples, binding) : undefined;
  await using probe = startProbe({ looks, intervalMs, timeoutMs: timeoutFor(intervalMs), logger, ...(onSamples && { onSamples }) });
  await using _server = flags.httpPort === undefined ? undefined : await serve(flags, probe, intervalMs);
  logger.info({ services: looks.map(({ service }) => service) }, 'probe looks');
  if (!stop.aborted) await once(stop, 'abort');
  logger.info({}, 'probe stops');
}

async function lookOnce(flags: Flags, binding: LoadedBinding, looks: readonly Look[]): Promise<void> {
  const outcomes = await sampleOnce(looks);
  await closeLooks(looks);
  const samples = outcomes.flatMap((outcome) => outcome.samples);
  if (flags.emf) printEmf(samples, binding);
  else report(flags.json, { samples, failures: outcomes.flatMap(failureOf) }, samplesTable(samples));
  for (const { service, error } of outcomes.flatMap(failureOf))
    process.stderr.write(`millrace: ${service} cannot be looked at: ${error}\n`);
  if (outcomes.some(({ error }) => error !== undefined)) process.exitCode = 1;
}

function failureOf({ service, error }: LookOutcome): { service: string; error: string }[] {
  return error === undefined ? [] : [{ service, error: sentenceOf(error) }];
}

function printEmf(samples: readonly Sample[], { document: { environment } }: LoadedBinding): void {
  for (const line of emfLines(samples, { environment })) process.stdout.write(`${line}\n`);
}

/** A service that hangs is told of before the next look is due, unless looks follow so close that a healthy one would be told of. */
function timeoutFor(intervalMs: number): number {
  return Math.min(defaultTimeoutMs, Math.max(3_000, intervalMs * 0.8));
}

function serve(flags: Flags, probe: Probe, intervalMs: number) {
  const health = createHealth({ checks: [probeCheck(probe)] });
  const beacons = [probeBeacon(probe, intervalMs)];
  return startHealthServer({ health, port: flags.httpPort!, host: flags.httpHost, beacons, registry: signalRegistry(probe.samples) });
}
