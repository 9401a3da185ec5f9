import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The migrations of the package, by the names of their files. */
export const versions: readonly number[] = readdirSync(join(__dirname, '../../../runtime/sql'))
  .map((name) => Number.parseInt(name, 10))
  .sort((a, b) => a - b);
