const { existsSync, readFileSync, writeSync } = require('node:fs');
const { join, relative, sep } = require('node:path');

/**
 * Ends every run with what was skipped and why, and with one line that counts the tests.
 *
 * A skip that `tests/allowed-skips.json` does not list fails the run, and so does an entry whose test has gone: a list that nobody keeps allows everything.
 * When tests are chosen by name (`-t`), the others count as skipped, so nothing is judged then.
 */
class SkipReporter {
  constructor(globalConfig, options = {}) {
    this.rootDir = globalConfig.rootDir;
    this.byName = Boolean(globalConfig.testNamePattern);
    this.listPath = join(this.rootDir, options.list ?? 'tests/allowed-skips.json');
    this.lines = [];
    // Jest prints its own summary after every reporter has ended; what is said at exit stays the last.
    process.once('exit', () => writeSync(1, `${this.lines.join('\n')}\n`));
  }

  onRunComplete(_contexts, results) {
    const tests = results.testResults.flatMap((file) => file.testResults.map((test) => this.named(file.testFilePath, test)));
    const skipped = tests.filter(({ status }) => status === 'pending' || status === 'todo');
    if (!this.byName) this.judge(tests, skipped, results);
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const counts = [`${results.numPassedTests} passed`, `${failed} failed`, ...(skipped.length > 0 ? [`${skipped.length} skipped`] : [])];
    this.lines.push(counts.join(', '));
  }

  judge(tests, skipped, results) {
    const allowed = readList(this.listPath);
    const reasons = new Map(allowed.map(({ test, reason }) => [test, reason]));
    const unlisted = skipped.filter(({ name }) => !reasons.has(name));
    const ran = new Set(results.testResults.map((file) => this.pathOf(file.testFilePath)));
    const gone = allowed.filter(({ test }) => {
      const [path] = test.split(' > ');
      return !existsSync(join(this.rootDir, path)) || (ran.has(path) && !tests.some(({ name }) => name === test));
    });
    this.list(
      'Skipped, as tests/allowed-skips.json allows:',
      skipped.flatMap(({ name }) => (reasons.has(name) ? [`${name}\n    ${reasons.get(name)}`] : [])),
    );
    this.list(
      'Skipped without leave; run them, or list them with a reason in tests/allowed-skips.json:',
      unlisted.map(({ name }) => name),
    );
    this.list(
      'Listed in tests/allowed-skips.json, but there is no such test:',
      gone.map(({ test }) => test),
    );
    // `tests/run.ts` reads it from Jest's results.
    results.wrongSkips = unlisted.length + gone.length;
    if (results.wrongSkips > 0) this.error = new Error(`${unlisted.length} skips are not allowed, ${gone.length} allowed ones are gone`);
  }

  list(heading, lines) {
    if (lines.length > 0) this.lines.push('', heading, ...lines.map((line) => `  ${line}`), '');
  }

  named(file, { ancestorTitles, title, status }) {
    return { name: [this.pathOf(file), ...ancestorTitles, title].join(' > '), status };
  }

  pathOf(file) {
    return relative(this.rootDir, file).split(sep).join('/');
  }

  getLastError() {
    return this.error;
  }
}

function readList(path) {
  const list = JSON.parse(readFileSync(path, 'utf8'));
  const broken = list.find(({ test, reason }) => typeof test !== 'string' || typeof reason !== 'string' || reason.length < 10);
  if (broken !== undefined) throw new Error(`${path}: each entry needs a test and a reason, got ${JSON.stringify(broken)}`);
  return list;
}

module.exports = SkipReporter;
