import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { paths, serverUser } from '../../constructs/docker/foundation/paths.ts';
import { type ImageName, images, serverImages, tagOf } from '../../docker/images.ts';
import { toolKinds } from '../../environments/engine.ts';
import { defaultImages } from '../../environments/images.ts';
import { repository } from '../repository/repository.ts';
import { run } from './docker.ts';

const dockerfileOf = (name: string) => readFileSync(join(repository, 'docker', name, 'Dockerfile'), 'utf8');
/** Workers have tests of their own. */
const isNoWorker = (name: ImageName): boolean => name !== 'worker';
const servers = serverImages.filter(isNoWorker);

test('every image that a plan names by default, tools apart, is one that make images builds', () => {
  const named = Object.entries(defaultImages).flatMap(([key, image]) => ((toolKinds as readonly string[]).includes(key) ? [] : [image]));
  expect([...new Set(named)].sort()).toEqual(serverImages.map(tagOf).sort());
});

describe.each((Object.keys(images) as ImageName[]).filter(isNoWorker))('the Dockerfile of %s', (name) => {
  const text = dockerfileOf(name);

  test('takes what it stands on from the table, and from nowhere else', () => {
    const named = [...text.matchAll(/^FROM (\S+)/gm)].map(([, from = '']) => /^\$\{(\w+)\}$/.exec(from)?.[1] ?? from);
    expect(named.sort()).toEqual(Object.keys(images[name].on).sort());
  });

  test('holds no secret and no address of a registry', () => {
    expect(text).not.toMatch(/(password|token|secret)\s*=/i);
    expect(text).not.toMatch(/https?:\/\//);
  });
});

describe.each(servers)('the image of %s', (name) => {
  const text = dockerfileOf(name);
  const folder = join(repository, 'docker', name);

  test('does not run as root', () => {
    const users = [...text.matchAll(/^USER (\S+)$/gm)].map(([, user]) => user);
    const inherited = users.length === 0 ? dockerfileOf('java') : text;
    expect([...inherited.matchAll(/^USER (\S+)$/gm)].at(-1)?.[1]).toBe(`${serverUser}:${serverUser}`);
  });

  test('has programs that can be run, each of which is copied and becomes its server', () => {
    const programs = readdirSync(folder).filter((file) => file !== 'Dockerfile');
    expect(programs.filter((file) => !text.includes(file))).toEqual([]);
    expect(programs.filter((file) => (statSync(join(folder, file)).mode & 0o111) !== 0o111)).toEqual([]);
    for (const file of programs.filter((one) => one.startsWith('run-')))
      expect(readFileSync(join(folder, file), 'utf8')).toMatch(/^ *exec [\w-]+ .*"\$@"\n$/m);
    for (const file of programs) expect(run('bash', ['-n', join(folder, file)])).toMatchObject({ status: 0, stderr: '' });
  });

  test('keeps its data in a volume', () => expect(text).toMatch(new RegExp(`^VOLUME ${paths.data}$`, 'm')));
});

test('what is mounted is taken over from where constructs mount it', () => {
  const start = readFileSync(join(repository, 'docker/base/millrace-start'), 'utf8');
  expect(start).toContain(`mounted=${paths.mounted}\n`);
  expect(start).toContain(`CONFIGURATION=${paths.configuration}\n`);
  expect(dockerfileOf('base')).toContain(`HOME=${paths.data} `);
});
