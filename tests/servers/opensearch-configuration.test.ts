import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare } from 'bcryptjs';
import { writeProject } from '../../servers/find/maven.ts';
import { logTail } from '../../servers/local-process/log-tail.ts';
import { type OpenSearchSettings, renderOpenSearchYml } from '../../servers/opensearch/config.ts';
import { jvmArguments } from '../../servers/opensearch/jvm.ts';
import { openSearchDistribution } from '../../servers/opensearch/program.ts';
import { hashPassword, securityFiles } from '../../servers/opensearch/security.ts';
import { type TestFolder, testFolder } from '../support/folders.ts';

const lines = (text: string) => text.trimEnd().split('\n');

describe('opensearch.yml', () => {
  const minimal: OpenSearchSettings = {
    ...{ clusterName: 'search', nodeName: 'search', host: '127.0.0.1', port: 9200, transportPort: 9300 },
    folders: { data: '/d/data', logs: '/d/logs', snapshots: '/d/snapshots' },
    nodeTls: { certFile: '/d/node/server.pem', keyFile: '/d/node/server.key', caFile: '/d/node/ca.pem' },
    ...{ nodeDn: 'CN=node', managerDn: 'CN=manager' },
  };

  test('minimal: one node on loopback, plain text for clients, TLS between nodes because the plugin insists', () => {
    expect(lines(renderOpenSearchYml(minimal))).toEqual([
      'cluster.name: "search"',
      'node.name: "search"',
      'network.host: "127.0.0.1"',
      'http.port: 9200',
      'transport.port: 9300',
      'path.data: "/d/data"',
      'path.logs: "/d/logs"',
      'path.repo: ["/d/snapshots"]',
      'discovery.type: "single-node"',
      'cluster.routing.allocation.disk.threshold_enabled: false',
      'action.destructive_requires_name: true',
      'plugins.security.ssl.transport.pemcert_filepath: "/d/node/server.pem"',
      'plugins.security.ssl.transport.pemkey_filepath: "/d/node/server.key"',
      'plugins.security.ssl.transport.pemtrustedcas_filepath: "/d/node/ca.pem"',
      'plugins.security.ssl.transport.enforce_hostname_verification: false',
      'plugins.security.nodes_dn: ["CN=node"]',
      'plugins.security.ssl.http.enabled: false',
      'plugins.security.allow_default_init_securityindex: true',
      'plugins.security.restapi.roles_enabled: ["all_access"]',
      'plugins.security.audit.type: "noop"',
    ]);
  });

  test('with TLS clients get the certificate, and one certificate stands above all users', () => {
    const tls = { certFile: '/d/server.pem', keyFile: '/d/server.key', clientCaFile: '/d/node/ca.pem' };
    expect(lines(renderOpenSearchYml({ ...minimal, tls }))).toEqual(
      expect.arrayContaining([
        'plugins.security.ssl.http.enabled: true',
        'plugins.security.ssl.http.pemcert_filepath: "/d/server.pem"',
        'plugins.security.ssl.http.pemkey_filepath: "/d/server.key"',
        'plugins.security.ssl.http.pemtrustedcas_filepath: "/d/node/ca.pem"',
        'plugins.security.authcz.admin_dn: ["CN=manager"]',
      ]),
    );
  });

  test('a further setting replaces the line of its name, whatever is in it', () => {
    const settings = { 'cluster.name': 'a "b": c', 'http.max_content_length': '10mb' };
    const rendered = lines(renderOpenSearchYml({ ...minimal, settings }));
    expect(rendered.filter((line) => line.startsWith('cluster.name'))).toEqual(['cluster.name: "a \\"b\\": c"']);
    expect(rendered).toContain('http.max_content_length: "10mb"');
  });
});

test('the heap is what is declared, and what lies beside it is bounded too', () => {
  const args = jvmArguments({ home: '/os', configDir: '/d/config', tmpDir: '/d/tmp', heapMiB: 256 });
  expect(args).toEqual(
    expect.arrayContaining(['-Xms256m', '-Xmx256m', '-XX:MaxDirectMemorySize=128m', '-Dopensearch.path.conf=/d/config']),
  );
  expect(args.slice(-3)).toEqual(['-cp', '/os/lib/*', 'org.opensearch.bootstrap.OpenSearch']);
});

test('the security index starts with one user, whose password stands nowhere', async () => {
  const files = securityFiles(await hashPassword('p4ss'));
  expect(Object.keys(files)).toHaveLength(9);
  expect(Object.values(files).join()).not.toContain('p4ss');
  const { admin, ...others } = JSON.parse(files['internal_users.yml']!) as { admin: { hash: string }; _meta: object };
  expect(others).toEqual({ _meta: { type: 'internalusers', config_version: 2 } });
  expect(await Promise.all(['p4ss', 'other'].map((password) => compare(password, admin.hash)))).toEqual([true, false]);
});

describe('the distribution', () => {
  let folder: TestFolder;
  const at = (...path: string[]) => join(folder.path, ...path);
  beforeEach(async () => {
    folder = await testFolder('opensearch-parts');
  });
  afterEach(() => folder.remove());

  test('is fetched with Maven alone, which unpacks the security plugin', () => {
    const parts = Object.keys(openSearchDistribution.parts);
    const project = readFileSync(writeProject(at('project'), at('home'), openSearchDistribution.parts), 'utf8');
    const pomOf = (part: string) => readFileSync(at('project', `part-${parts.indexOf(part) + 1}`, 'pom.xml'), 'utf8');
    expect(project.match(/<module>/g)).toHaveLength(parts.length);
    expect(pomOf('lib')).toContain('<goal>copy-dependencies</goal>');
    expect(pomOf('lib')).not.toContain('<goal>unpack-dependencies</goal>');
    expect(pomOf('plugins/opensearch-security')).toContain('<type>zip</type>');
    expect(pomOf('plugins/opensearch-security')).toContain('<goal>unpack-dependencies</goal>');
    expect(pomOf('plugins/opensearch-security')).not.toContain('<goal>copy-dependencies</goal>');
  });

  test('is put together from the parts: no class twice, a descriptor and a policy for each module', async () => {
    const file = (...path: string[]) => {
      mkdirSync(at(...path.slice(0, -1)), { recursive: true });
      writeFileSync(at(...path), '');
    };
    for (const part of Object.keys(openSearchDistribution.parts)) for (const jar of ['shared.jar', `own-of-it.jar`]) file(part, jar);
    const security = 'plugins/opensearch-security';
    for (const name of ['opensearch-security-2.19.4.0.jar', 'config/roles.yml', 'tools/hash.sh']) file(...`${security}/${name}`.split('/'));
    writeFileSync(at('lib', 'own-of-it.jar'), '');
    file('modules', 'geo', 'geo-2.19.4.jar');
    await openSearchDistribution.assemble?.(folder.path, { java: 'java', onLaunched: () => undefined });
    expect(readdirSync(at('modules', 'geo')).sort()).toEqual(['geo-2.19.4.jar', 'plugin-descriptor.properties', 'plugin-security.policy']);
    expect(lines(readFileSync(at('modules', 'analysis-common', 'plugin-descriptor.properties'), 'utf8'))).toEqual([
      'name=analysis-common',
      'description=analysis-common',
      'version=2.19.4',
      'opensearch.version=2.19.4',
      'java.version=11',
      'classname=org.opensearch.analysis.common.CommonAnalysisPlugin',
      'extended.plugins=lang-painless',
      'has.native.controller=false',
    ]);
    expect(readdirSync(at(security)).sort()).toEqual(['opensearch-security-2.19.4.0.jar', 'own-of-it.jar', 'shared.jar']);
    expect(statSync(at('bin')).isDirectory()).toBe(true);
  });

  test('is refused when the security plugin is missing', () => {
    for (const part of Object.keys(openSearchDistribution.parts)) mkdirSync(at(part), { recursive: true });
    expect(() => openSearchDistribution.assemble?.(folder.path, { java: 'java', onLaunched: () => undefined })).toThrow(
      'plugins/opensearch-security was not unpacked',
    );
  });

  test('the end of a log is what happened, not the frames of a stack trace', () => {
    const frames = Array.from(
      { length: 40 },
      (_, index) => `\tat org.opensearch.node.Node$${index}.<init>(Node.java:${index}) ~[opensearch-2.19.4.jar:2.19.4]`,
    );
    writeFileSync(
      at('log'),
      [
        'starting',
        'Likely root cause: expired',
        ...frames,
        '\tat a.B.c(Native Method)',
        '\t... 6 more',
        '\t<<<truncated>>>',
        'at last',
      ].join('\n'),
    );
    expect(logTail(at('log'))).toBe('    starting\n    Likely root cause: expired\n    at last');
  });
});
