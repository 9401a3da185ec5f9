import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultImages } from '../../environments/images.ts';
import type { Distribution } from '../find/distribution.ts';
import type { Artifact } from '../find/maven.ts';

/** The newest line that runs on Java 17 and that AWS offers as OpenSearch 2.19. */
const version = '2.19.4';
const securityVersion = `${version}.0`;
/** Two classes that rarely get a release of their own; the one of 2.19.1 is the last before 2.19.4. */
const classLoaderVersion = '2.19.1';
/** OpenSearch logs through its interface and leaves the choice of a logger to the distribution; same version as `log4j-api` there. */
const log4jVersion = '2.21.0';

interface Module {
  /** Name on Maven; what OpenSearch calls it is without `-client`. */
  readonly artifact: string;
  /** The plugin's class; descriptors that name it are part of the official distribution only. */
  readonly className: string;
  /** Its classes add to what scripts may call. */
  readonly extendsPainless?: boolean;
}

/** Modules that the official distribution has too; those without an artifact on Maven are missing (index state management among them). */
const modules: readonly Module[] = [
  { artifact: 'transport-netty4-client', className: 'org.opensearch.transport.Netty4Plugin' },
  { artifact: 'analysis-common', className: 'org.opensearch.analysis.common.CommonAnalysisPlugin', extendsPainless: true },
  { artifact: 'lang-painless', className: 'org.opensearch.painless.PainlessPlugin' },
  { artifact: 'lang-mustache-client', className: 'org.opensearch.script.mustache.MustachePlugin' },
  { artifact: 'lang-expression', className: 'org.opensearch.script.expression.ExpressionPlugin' },
  { artifact: 'reindex-client', className: 'org.opensearch.index.reindex.ReindexPlugin' },
  { artifact: 'mapper-extras-client', className: 'org.opensearch.index.mapper.MapperExtrasPlugin' },
  { artifact: 'parent-join-client', className: 'org.opensearch.join.ParentJoinPlugin' },
  { artifact: 'percolator-client', className: 'org.opensearch.percolator.PercolatorPlugin' },
  { artifact: 'aggs-matrix-stats-client', className: 'org.opensearch.search.aggregations.matrix.MatrixAggregationPlugin' },
  { artifact: 'ingest-common', className: 'org.opensearch.ingest.common.IngestCommonPlugin', extendsPainless: true },
  { artifact: 'geo', className: 'org.opensearch.geo.GeoModulePlugin' },
  { artifact: 'rank-eval-client', className: 'org.opensearch.index.rankeval.RankEvalPlugin' },
  { artifact: 'repository-url', className: 'org.opensearch.plugin.repository.url.URLRepositoryPlugin' },
];

const security = 'plugins/opensearch-security';

/** OpenSearch with the security plugin: nobody publishes an archive where package managers look, but all its parts are on Maven. */
export const openSearchDistribution: Distribution = {
  kind: 'maven',
  title: `OpenSearch ${version}`,
  version,
  folder: `opensearch-${version}-1`,
  variable: 'MILLRACE_OPENSEARCH_HOME',
  entry: `${security}/plugin-descriptor.properties`,
  image: { name: defaultImages.opensearch, folder: '/opt/opensearch' },
  parts: {
    lib: [
      core('opensearch', version),
      core('opensearch-plugin-classloader', classLoaderVersion),
      { group: 'org.apache.logging.log4j', name: 'log4j-core', version: log4jVersion },
    ],
    ...Object.fromEntries(modules.map(({ artifact }) => [folderOf(artifact), [plugin(artifact, version)]])),
    [security]: [{ ...plugin('opensearch-security', securityVersion), type: 'zip', alone: true }],
  },
  assemble,
};

function core(name: string, of: string): Artifact {
  return { group: 'org.opensearch', name, version: of };
}

function plugin(name: string, of: string): Artifact {
  return { group: 'org.opensearch.plugin', name, version: of };
}

function folderOf(artifact: string): string {
  return `modules/${nameOf(artifact)}`;
}

function nameOf(artifact: string): string {
  return artifact.replace(/-client$/, '');
}

function assemble(home: string): void {
  // Its own scripts are not needed, but their folder is looked for.
  mkdirSync(join(home, 'bin'), { recursive: true });
  const shared = new Set(readdirSync(join(home, 'lib')));
  for (const module of modules) {
    const folder = join(home, folderOf(module.artifact));
    // A class that is found twice is refused ("jar hell").
    for (const jar of readdirSync(folder)) if (shared.has(jar)) rmSync(join(folder, jar));
    writeFileSync(join(folder, 'plugin-descriptor.properties'), descriptor(module));
    // The policies of the official distribution, which lists what each module may do, are not on Maven.
    writeFileSync(join(folder, 'plugin-security.policy'), 'grant { permission java.security.AllPermission; };\n');
  }
  for (const unused of ['config', 'tools']) rmSync(join(home, security, unused), { recursive: true, force: true });
  if (!existsSync(join(home, security, `opensearch-security-${securityVersion}.jar`))) throw new Error(`${security} was not unpacked`);
}

function descriptor({ artifact, className, extendsPainless = false }: Module): string {
  const name = nameOf(artifact);
  const lines = {
    name,
    description: name,
    version,
    'opensearch.version': version,
    'java.version': '11',
    classname: className,
    'extended.plugins': extendsPainless ? 'lang-painless' : '',
    'has.native.controller': 'false',
  };
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
