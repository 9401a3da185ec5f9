import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostFilesName } from '../../constructs/docker/foundation/host-files.ts';
import { dev } from '../../environments/dev.ts';
import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import type { Manifest } from '../../servers/containers/manifest.ts';
import { planOf } from '../../stacks/app.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

interface Platform {
  readonly template: Template;
  readonly manifest: Manifest;
}

interface Provisioned {
  readonly provisioner?: readonly [{ readonly 'local-exec': { readonly interpreter: readonly string[]; readonly command: string } }];
  readonly depends_on?: readonly string[];
  readonly triggers_replace?: Readonly<Record<string, unknown>>;
}

function platform(change: Partial<EnvironmentInput> = {}): Platform {
  return inTemporaryFolder((outDir) => {
    const { app } = planOf({ environments: [parseEnvironment({ ...dev, ...change })], state: { kind: 's3', bucket: 'acme' }, outDir });
    app.synth();
    const manifest = JSON.parse(readFileSync(join(outDir, 'stacks', 'dev-platform', hostFilesName), 'utf8')) as Manifest;
    return { template: Template.read(outDir, 'dev-platform'), manifest };
  });
}

const written = platform();
const labelsOf = ({ template }: Platform) =>
  Object.fromEntries(
    (template.all('docker_container') as { name: string; labels: { label: string; value: string }[] }[]).map(({ name, labels }) => [
      name.replace('millrace-dev-', ''),
      labels.find(({ label }) => label === 'millrace.configuration')?.value,
    ]),
  );
const changed = (one: Platform, other: Platform): string[] => {
  const [before, after] = [labelsOf(one), labelsOf(other)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]).sort();
};
/** How a program is called: its last word but flags, for the lookup. */
const step = (word: string): Provisioned => {
  const found = (written.template.all('terraform_data') as Provisioned[]).filter(({ provisioner }) =>
    provisioner?.[0]['local-exec'].interpreter.includes(word),
  );
  expect(found).toHaveLength(1);
  return found[0]!;
};

test('every service of dev is in containers, with the probe and the tools', () => {
  expect(Object.keys(labelsOf(written)).sort()).toEqual([
    ...['alerts', 'cache', 'database', 'events-1', 'events-2', 'events-3', 'events-sentinel-1', 'events-sentinel-2', 'events-sentinel-3'],
    ...['grafana', 'kafka-ui', 'log-1', 'metrics', 'metrics-probe', 'opensearch-dashboards', 'search', 'tasks'],
  ]);
  expect(written.template.counts()).toMatchObject({ docker_network: 1, terraform_data: 3 });
});

test('is the same, byte for byte, when it is synthesized again, and names no machine', () => {
  const again = platform();
  expect(again.template.text).toBe(written.template.text);
  expect(again.manifest).toEqual(written.manifest);
  expect(written.template.text).not.toContain(process.cwd());
  expect(JSON.stringify(written.manifest)).not.toContain(process.cwd());
});

test('its state is a file on this machine, where the containers are, whatever holds that of others', () => {
  expect(written.template.terraform.backend).toEqual({ local: { path: '../../../.millrace/dev/dev-platform.tfstate' } });
});

describe('a deployment', () => {
  test('writes the files, starts the servers, publishes the binding, applies the topology and starts the probe, in this order', () => {
    const [published, applied] = [step('publish'), step('apply')];
    expect(published.depends_on).toHaveLength(13);
    expect(published.depends_on?.every((dependency) => dependency.startsWith('docker_container.'))).toBe(true);
    expect(applied.depends_on).toEqual([expect.stringMatching(/^terraform_data\.files_Published_/)]);
    const probe = written.template.one('docker_container', { name: 'millrace-dev-metrics-probe' }) as Provisioned;
    expect(probe.depends_on).toContain('terraform_data.applied');
  });

  test('applies with absolute paths, again whenever a container or the binding is another', () => {
    const { provisioner, triggers_replace } = step('apply');
    const { interpreter, command } = provisioner![0]['local-exec'];
    expect(interpreter).toEqual([
      'node',
      expect.stringMatching(/^\$\{abspath\(.*\)\}\/runtime\/dist\/cli\/main\.js$/),
      'apply',
      '--binding',
    ]);
    expect(command).toMatch(/^\$\{abspath\(.*\)\}\/\.millrace\/dev\/binding\.json$/);
    expect(triggers_replace).toMatchObject({ generation: expect.stringMatching(/^[0-9a-f]{64}$/), containers: expect.any(Array) });
  });

  test('applies nothing where nothing is declared, and costs data only where the declaration says so', () => {
    const nothing = platform({ topology: {} });
    expect(nothing.template.counts().terraform_data).toBe(2);
    const { template } = platform({ protection: { deletion: false, allowDestroy: ['tasks/queue/emails'] } });
    expect(template.text).toMatch(/"--allow-destroy",\s*"tasks\/queue\/emails"/);
  });
});

describe('a change replaces what it concerns', () => {
  const { services = {} } = dev;

  test('of one service, its container', () => {
    const more = platform({
      services: { ...services, cache: { kind: 'redis', role: 'cache', overrides: { maxMemoryPolicy: 'allkeys-lfu' } } },
    });
    expect(changed(written, more)).toEqual(['cache']);
  });

  test('of the topology, the probe', () => {
    const { topology } = dev;
    const { 'service.logs': _gone, ...topics } = topology?.topics ?? {};
    expect(changed(written, platform({ topology: { ...topology, topics } }))).toEqual(['metrics-probe']);
  });

  test('another service of a kind moves no port of the others; what watches all of them is told of it', () => {
    const ports = ({ template }: Platform) =>
      Object.fromEntries(
        (template.all('docker_container') as { name: string; ports?: unknown }[]).map(({ name, ports: of }) => [name, of]),
      );
    const more = platform({ services: { ...services, sessions: { kind: 'redis', role: 'cache' } } });
    expect(ports(more)).toMatchObject(ports(written));
    expect(changed(written, more)).toEqual(['grafana', 'metrics', 'metrics-probe', 'sessions']);
  });
});

test('what is published fits the contract, and the probe has one of its own that leads to containers', () => {
  const published = bindingSchema.parse(JSON.parse(written.manifest.documents['binding.json'] ?? ''));
  const seen = bindingSchema.parse(JSON.parse(written.manifest.containers['metrics-probe']?.['binding.json'] ?? ''));
  const hosts = (binding: typeof seen) =>
    new Set(Object.values(binding.services).flatMap(({ endpoints }) => endpoints.map(({ host }) => host)));
  expect([...hosts(published)]).toEqual(['127.0.0.1']);
  expect([...hosts(seen)]).toEqual(expect.arrayContaining(['cache', 'events-sentinel-1', 'log-1', 'tasks', 'search', 'database']));
  expect(Object.keys(written.manifest.containers['metrics-probe'] ?? {})).toEqual(
    expect.arrayContaining(['secrets/events-user-probe', 'tls/ca.pem']),
  );
});

test('images of a house stand in for those that are built here', () => {
  const { template } = platform({
    engine: { kind: 'docker', images: { redis: 'registry.example/redis:7', worker: 'registry.example/worker:1' } },
  });
  const names = (template.all('docker_image') as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['registry.example/redis:7', 'registry.example/worker:1', 'millrace/kafka:4.1.1']));
});

describe('tools', () => {
  test('are what is declared and has something to show', () => {
    const { services = {} } = dev;
    const { metrics: _metrics, ...others } = services;
    const { template } = platform({ services: others, engine: { kind: 'docker', tools: ['grafana', 'kafka-ui'] }, topology: {} });
    expect(template.outputs().tools).toEqual({ 'kafka-ui': 'https://127.0.0.1:19000' });
  });

  test('Grafana has Prometheus as its source, with password and authority from files, and the dashboards', () => {
    const files = written.manifest.containers.grafana ?? {};
    const [source] = JSON.parse(files['provisioning/datasources/millrace.yml'] ?? '').datasources;
    expect(source).toMatchObject({ name: 'metrics', url: 'https://metrics:9090', basicAuthUser: 'admin' });
    expect(source.secureJsonData.basicAuthPassword).toBe('$__file{/etc/millrace/secrets/metrics}');
    expect(Object.keys(files)).toEqual(expect.arrayContaining(['dashboards/overview.json', 'secrets/metrics', 'tls/ca.pem']));
  });

  test('OpenSearch Dashboards and Kafka UI check the certificates of what they show', () => {
    const dashboards = JSON.parse(written.manifest.containers['opensearch-dashboards']?.['opensearch_dashboards.yml'] ?? '');
    expect(dashboards).toMatchObject({ 'opensearch.hosts': ['https://search:9200'], 'opensearch.ssl.verificationMode': 'full' });
    const [cluster] = JSON.parse(written.manifest.containers['kafka-ui']?.['kafka-ui.yml'] ?? '').kafka.clusters;
    expect(cluster).toMatchObject({ bootstrapServers: 'log-1:9095', properties: { 'security.protocol': 'SASL_SSL' } });
  });
});

describe('fails if', () => {
  test('an alert is changed that the environment does not have', () => {
    const overrides = { 'no-such-alert': { disabled: true, reason: 'there is none of that name' } } as const;
    expect(() => platform({ alerts: { overrides } })).toThrow(/the plan of dev is refused/);
  });

  test('the subnet is no /24, or a port is taken from the system', () => {
    expect(() => platform({ engine: { kind: 'docker', subnet: '10.78.0.0/16', ports: { base: 80 } } })).toThrow(
      /engine\.ports\.base.*\n.*engine\.subnet: must be an IPv4 network of \/24/,
    );
  });
});
