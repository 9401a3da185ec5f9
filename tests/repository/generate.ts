import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from './generated.ts';
import { repository } from './repository.ts';

/** Writes the generated files; with `--check` writes nothing and fails when one is not up to date. */
const checking = process.argv.includes('--check');
const stale = Object.entries(generatedFiles()).filter(([path, content]) => {
  const file = join(repository, path);
  return !existsSync(file) || readFileSync(file, 'utf8') !== content;
});

for (const [path, content] of stale) {
  if (checking) {
    console.error(`${path} is not what today's code generates; run \`make generate\``);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(join(repository, path)), { recursive: true });
  writeFileSync(join(repository, path), content);
  console.log(`wrote ${path}`);
}
