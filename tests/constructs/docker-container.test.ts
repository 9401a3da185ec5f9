import { ServerContainer, type ServerContainerProps } from '../../constructs/docker/foundation/container.ts';
import { Images } from '../../constructs/docker/foundation/images.ts';
import { serverImages, tagOf } from '../../docker/images.ts';
import { defaultImages, javaImage } from '../../environments/images.ts';
import { given } from '../../servers/containers/placeholders.ts';
import { inContainers, type Synthesized, stateDir } from './docker.ts';

const minimal: ServerContainerProps<'clients'> = {
  ...{ name: 'cache', image: 'redis', command: ['run-redis'], health: ['true'], memoryMiB: 128 },
  files: { 'redis.conf': `requirepass ${given.password('cache')}\n` },
  ports: { clients: { inside: 6_379, outside: 18_000 } },
};

function planned(props: Partial<ServerContainerProps<'clients'>> = {}): Synthesized<ServerContainer<'clients'>> {
  return inContainers((stack, ground) => new ServerContainer(stack, 'cache', ground, { ...minimal, ...props }));
}

const hashOf = ({ container }: Synthesized<unknown>) =>
  container('cache').labels.find(({ label }) => label === 'millrace.configuration')?.value;

test('minimal: it may do nothing that root may, is reached from this machine alone, and swaps nothing out', () => {
  expect(planned().container('cache')).toMatchObject({
    capabilities: { drop: ['ALL'] },
    read_only: true,
    security_opts: ['no-new-privileges:true'],
    ...{ memory: 128, memory_swap: 128, restart: 'unless-stopped' },
    ports: [{ internal: 6_379, external: 18_000, ip: '127.0.0.1' }],
    networks_advanced: [{ aliases: ['cache'] }],
  });
});

test('minimal: a plan neither deletes one that has ended, nor returns before it answers', () => {
  expect(planned().container('cache')).toMatchObject({
    ...{ must_run: false, wait: true, destroy_grace_seconds: 15 },
    // The provider sees a change for ever in a duration that is written otherwise.
    healthcheck: { test: ['CMD', 'true'], interval: '3s', timeout: '5s', start_period: '2m0s' },
  });
});

test('everything set: entrypoint, environment, address, signal and what it waits for', () => {
  const { container, defined } = planned({
    ...{ entrypoint: ['/bin/server'], environment: { A: 'b' }, address: '10.78.0.16', stop: { signal: 'SIGINT', graceSeconds: 30 } },
  });
  expect(container('cache')).toMatchObject({
    ...{ entrypoint: ['/bin/server'], env: ['A=b'], stop_signal: 'SIGINT', stop_timeout: 30, destroy_grace_seconds: 30 },
    networks_advanced: [{ ipv4_address: '10.78.0.16' }],
  });
  expect(defined.addressOf('clients', 'host')).toEqual({
    ...{ host: '127.0.0.1', port: 18_000 },
    announced: { host: '10.78.0.16', port: 6_379 },
  });
  expect(defined.addressOf('clients', 'network')).toEqual({ host: 'cache', port: 6_379 });
});

test('its data are in a volume of its own, its configuration comes from this machine and is only read', () => {
  const { container, template } = planned();
  expect(container('cache').volumes).toEqual([
    { host_path: `${stateDir}/containers/cache`, container_path: '/etc/millrace', read_only: true },
    { volume_name: expect.stringMatching(/^\$\{docker_volume\.cache_Data_\w+\.name\}$/), container_path: '/var/lib/millrace' },
  ]);
  expect(template.all('docker_volume')).toEqual([expect.objectContaining({ name: 'millrace-test-cache' })]);
  expect(planned({ data: false }).template.counts().docker_volume).toBeUndefined();
});

test('another configuration is another container, with the same volume', () => {
  const [before, after] = [planned(), planned({ files: { 'redis.conf': 'maxmemory 1mb\n' } })];
  expect(hashOf(after)).not.toBe(hashOf(before));
  expect(after.template.all('docker_volume')).toEqual(before.template.all('docker_volume'));
  expect(hashOf(planned())).toBe(hashOf(before));
});

test('what a running server is told of otherwise makes no other container, and is written all the same', () => {
  const [before, after] = [planned({ live: { users: 'a' } }), planned({ live: { users: 'b' } })];
  expect(hashOf(after)).toBe(hashOf(before));
  expect(after.manifest.containers.cache).toMatchObject({ users: 'b' });
  const trigger = ({ template }: Synthesized<unknown>) => template.all('terraform_data').map(({ triggers_replace }) => triggers_replace);
  expect(trigger(after)).not.toEqual(trigger(before));
});

test('no secret and no placeholder for one is in the plan: they are in the files of the machine alone', () => {
  const { template, manifest } = planned();
  expect(template.text).not.toContain('@@');
  expect(manifest.containers.cache?.['redis.conf']).toBe('requirepass @@password:cache@@\n');
});

test('volumes of a protected environment refuse to be destroyed', () => {
  const { template } = inContainers(
    (stack, ground) => new ServerContainer(stack, 'cache', { ...ground, deletionProtection: true }, minimal),
  );
  expect(template.one('docker_volume')).toMatchObject({ lifecycle: { prevent_destroy: true } });
});

test('files are written before it starts, by a program that is given no shell', () => {
  const { container, template } = planned();
  const [prepared] = template.all('terraform_data') as [{ provisioner: [{ 'local-exec': Record<string, unknown> }] }];
  expect(container('cache').depends_on).toEqual([expect.stringMatching(/^terraform_data\.files_Prepared_/)]);
  expect(prepared.provisioner[0]['local-exec']).toEqual({
    working_dir: '/somewhere',
    interpreter: ['node', '--import', 'tsx', '/somewhere/servers/containers/main.ts', 'prepare', '--state-dir', stateDir, '--manifest'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of Terraform
    command: '${abspath(path.module)}/files.json',
  });
});

test('what is built here has the name and tag that is looked up', () => {
  const built = serverImages.map((name) => [name, tagOf(name)]);
  expect(defaultImages).toMatchObject(Object.fromEntries(built));
  expect(defaultImages['redis-sentinel']).toBe(tagOf('redis'));
  expect(javaImage).toBe(tagOf('java'));
});

test('an image is looked up once, stays when the environment goes, and may be another', () => {
  const { template } = inContainers((stack, ground) => {
    const images = new Images(stack, 'own', { redis: 'registry.example/redis:7', 'redis-sentinel': 'registry.example/redis:7' });
    for (const image of ['redis', 'redis-sentinel'] as const)
      new ServerContainer(stack, image, { ...ground, images }, { ...minimal, name: image, image });
  });
  expect(template.all('docker_image')).toEqual([expect.objectContaining({ name: 'registry.example/redis:7', keep_locally: true })]);
});

test('fails if two containers come to the same name', () => {
  const twice = () => inContainers((stack, ground) => ['one', 'other'].map((id) => new ServerContainer(stack, id, ground, minimal)));
  expect(twice).toThrow('two containers would be called cache; name one of their services differently');
});

test('fails if a port is asked for that is not published', () => {
  const { defined } = planned({ ports: { clients: { inside: 6_379 } } });
  expect(() => defined.addressOf('clients', 'host')).toThrow('port clients of cache is not published');
});
