import { MillraceError } from '../contracts/errors.ts';

/** Loads an optional peer dependency when it is first needed. @throws {MillraceError} CLIENT_NOT_INSTALLED with the command that installs it. */
export async function loadPeer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new MillraceError('CLIENT_NOT_INSTALLED', `package ${name} cannot be loaded; install it beside millrace: npm install ${name}`, {
      cause,
    });
  }
}
