import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { isMillraceError } from '../runtime/src/contracts/errors.ts';
import { names } from '../servers/arguments.ts';
import { Interruption, interruptible } from '../servers/supervisor/interrupt.ts';
import { ImageBuilder } from './builder.ts';
import { type ImageName, serverImages } from './images.ts';

interface Options {
  readonly only?: readonly ImageName[];
  readonly base: string;
  readonly node: string;
  readonly debootstrap?: boolean;
}

const root = join(__dirname, '..');

async function build({ only = serverImages, debootstrap = false, ...given }: Options, signal: AbortSignal): Promise<void> {
  const logFile = join(root, 'dist', 'images.log');
  mkdirSync(dirname(logFile), { recursive: true });
  const builder = new ImageBuilder({
    engine: { cwd: root, logFile, signal },
    given: debootstrap ? {} : { debian: given.base, node: given.node },
    say: (line) => void process.stdout.write(`${line}\n`),
  });
  for (const name of only) await builder.ready(name);
}

function imageNames(text: string, before: readonly ImageName[] = []): ImageName[] {
  const wanted = names(text) as ImageName[];
  const unknown = wanted.find((name) => !serverImages.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`must be of ${serverImages.join(', ')}, got ${unknown}`);
  return [...before, ...wanted];
}

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('make images')
    .description('Builds the images of the servers and of the workers, on the engine that docker speaks to (DOCKER_HOST).')
    .option('--only <images...>', 'build these, and what they stand on', imageNames)
    .option('--base <image>', 'Debian image to build servers on', process.env.MILLRACE_BASE_IMAGE ?? 'debian:bookworm-slim')
    .option('--node <image>', 'image to build workers on', process.env.MILLRACE_NODE_IMAGE ?? 'node:22-bookworm-slim')
    .option(
      '--debootstrap',
      'make both from packages and from the Node of this machine, where no registry is in reach; needs root and debootstrap',
    )
    .action((options: Options) => interruptible((signal) => build(options, signal)));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.stderr.write(`${isMillraceError(error) ? `${error.code}: ${error.message}` : (error as Error).stack}\n`);
    process.exitCode = error instanceof Interruption ? error.exitCode : 1;
  }
}

void main(process.argv);
