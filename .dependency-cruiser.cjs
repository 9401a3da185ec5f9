const provisioning = '^(environments|alerts|servers|constructs|stacks|docker)/';
const framework = 'node_modules/(cdktf|constructs|@cdktf/[^/]+)/';

/** Which folder may import which. `tests/repository/dependencies.test.ts` plants a violation of each rule. @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'environments-are-the-base',
      comment: 'what is wanted knows nothing of how it is made',
      severity: 'error',
      from: { path: '^environments/' },
      to: { path: '^(alerts|servers|constructs|stacks)/' },
    },
    {
      name: 'alerts-know-no-host',
      comment: 'what is too much is the same whoever hosts the servers and whoever watches',
      severity: 'error',
      from: { path: '^alerts/' },
      to: { path: '^(servers|constructs|stacks)/' },
    },
    {
      name: 'servers-know-no-host',
      comment: 'a server is configured alike whoever hosts it',
      severity: 'error',
      from: { path: '^servers/' },
      to: { path: '^(constructs|stacks)/' },
    },
    {
      name: 'constructs-know-no-stack',
      comment: 'a construct can be used in any stack',
      severity: 'error',
      from: { path: '^constructs/' },
      to: { path: '^stacks/' },
    },
    {
      name: 'provisioning-and-runtime-share-contracts-only',
      comment: 'programs of the runtime are used by path',
      severity: 'error',
      from: { path: provisioning },
      to: { path: '^runtime/', pathNot: '^runtime/src/contracts/' },
    },
    {
      name: 'runtime-imports-nothing-of-ours',
      comment: 'the package is published alone',
      severity: 'error',
      from: { path: '^runtime/src/' },
      to: { path: '^(environments|alerts|servers|constructs|stacks|examples|runtime/bench)/' },
    },
    {
      name: 'contracts-import-only-zod',
      comment: 'both worlds load them, so they must load fast and everywhere',
      severity: 'error',
      from: { path: '^runtime/src/contracts/' },
      to: { pathNot: '^runtime/src/contracts/|node_modules/zod/' },
    },
    {
      name: 'nothing-imports-tests',
      comment: 'tests may change without what they test',
      severity: 'error',
      from: { pathNot: '^tests/' },
      to: { path: '^tests/' },
    },
    {
      name: 'examples-import-published-entry-points',
      comment: 'an example can be copied into another repository and still works',
      severity: 'error',
      from: { path: '^examples/([^/]+)/' },
      to: { path: '^(environments|alerts|servers|constructs|stacks|runtime/(?!dist/)|examples/(?!$1/))' },
    },
    {
      name: 'examples-import-by-package-name',
      comment: 'a path into the build is no entry point',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^runtime/', dependencyTypes: ['local'] },
    },
    {
      name: 'nothing-imports-examples',
      comment: 'examples are programs, tests run them',
      severity: 'error',
      from: { pathNot: '^(examples|tests)/' },
      to: { path: '^examples/' },
    },
    {
      name: 'no-provider-barrel',
      comment: 'importing all of a provider costs seconds and half a gigabyte: import @cdktf/provider-aws/lib/NAME',
      severity: 'error',
      from: {},
      to: { path: 'node_modules/@cdktf/provider-[^/]+/lib/index\\.(js|d\\.ts)$' },
    },
    {
      name: 'framework-in-constructs-and-stacks-only',
      comment: 'cdktf is archived, and moving to its successor must touch few files',
      severity: 'error',
      from: { pathNot: '^(constructs|stacks|tests)/' },
      to: { path: framework },
    },
    { name: 'no-cycles', comment: 'two files in a cycle are one file', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'everything-resolves',
      comment: 'run `make build` first: examples import the built package',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^runtime/dist/'] },
    exclude: { path: '^(runtime/dist|cdktf\\.out)/.+\\.map$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
