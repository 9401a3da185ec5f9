import { spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { committedFiles, repository } from './repository.ts';

/** A copy of the repository in which a test may plant something. */
function copyRepository(): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-copy-'));
  for (const path of committedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(join(repository, path), join(root, path));
  }
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  return root;
}

test('knip reports an export that nobody uses, a file that nobody imports and a package that nobody declared', () => {
  const root = copyRepository();
  try {
    appendFileSync(join(root, 'environments', 'size.ts'), "import 'left-pad';\nexport const plantedExport = 1;\n");
    writeFileSync(join(root, 'environments', 'planted.ts'), 'export {};\n');
    const { stdout, status } = spawnSync(
      process.execPath,
      [join(repository, 'node_modules', 'knip', 'bin', 'knip.js'), '--reporter', 'json'],
      {
        cwd: root,
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
      },
    );
    const issues = (
      JSON.parse(stdout) as { issues: { file: string; files?: object[]; exports?: { name: string }[]; unlisted?: { name: string }[] }[] }
    ).issues;
    const of = (file: string) => issues.find((issue) => issue.file === file);
    expect(status).toBe(1);
    expect(of('environments/size.ts')?.exports?.map(({ name }) => name)).toEqual(['plantedExport']);
    expect(of('environments/size.ts')?.unlisted?.map(({ name }) => name)).toEqual(['left-pad']);
    expect(of('environments/planted.ts')?.files).toHaveLength(1);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
