import { defaultImages } from '../../environments/images.ts';
import type { Program } from '../find/program.ts';

/** The folder of PostgreSQL's programs. Debian, Red Hat and Homebrew keep it off PATH, because several versions live side by side. */
export const postgresProgram: Program = {
  title: 'PostgreSQL 14 or later',
  variable: 'MILLRACE_POSTGRES_BIN',
  kind: 'folder',
  names: ['postgres', 'initdb'],
  folders: ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/opt/homebrew/opt/postgresql@*/bin', '/usr/local/opt/postgresql@*/bin'],
  debianPackage: 'postgresql',
  image: defaultImages.postgres,
  versionArgs: ['--version'],
};
