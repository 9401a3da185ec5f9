import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Lockfile, missingPlatformPackages } from './lockfile.ts';
import { repository } from './repository.ts';

test('package-lock.json holds the packages of every platform; if not, run `npm run -s lockfile`', () => {
  const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as Lockfile;
  expect(Object.keys(missingPlatformPackages(lock))).toEqual([]);
});

test('a platform package that is named and not held is found, with what it is for', () => {
  const tool = { version: '1.0.0', dev: true, optionalDependencies: { 'tool-linux-x64-musl': '1.0.0', 'tool-darwin-arm64': '1.0.0' } };
  const held = { version: '1.0.0', optional: true };
  expect(missingPlatformPackages({ packages: { 'node_modules/tool': tool, 'node_modules/tool-darwin-arm64': held } })).toEqual({
    'node_modules/tool-linux-x64-musl': { version: '1.0.0', dev: true, optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
  });
});
