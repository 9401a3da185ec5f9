import { isMillraceError } from '../../runtime/src/contracts/errors.ts';
import type { TestFolder } from './folders.ts';
import { freePorts } from './ports.ts';

const attempts = 4;

/** Starts something on free ports; tries others when it fails, because another test may have taken one since. Removes the folder when it fails for good. */
export async function onFreePorts<T>(folder: TestFolder, count: number, start: (firstPort: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePorts(count));
    } catch (error) {
      if (attempt < attempts && isMillraceError(error, 'SERVER_START_FAILED')) continue;
      await folder.remove();
      throw error;
    }
  }
}
