import { MillraceError } from '../../contracts/errors.ts';
import { once } from '../once.ts';
import type { ClientSource } from './client.ts';
import { kafkaError } from './errors.ts';

export interface Closable {
  close(): Promise<void>;
}

/** What was opened through a connection, to close with it; nothing is opened or asked after that. */
export function partsOf({ where }: Pick<ClientSource, 'where'>, first: Closable) {
  const parts = new Set([first]);
  let closed = false;
  const guarded = async <T>(action: () => Promise<T>): Promise<T> => {
    if (closed) throw new MillraceError('CONNECTION_CLOSED', `connection to ${where} is closed`);
    try {
      return await action();
    } catch (error) {
      throw kafkaError(error, where);
    }
  };
  return {
    guarded,
    /** @param open gets what the part calls when it has closed by itself. */
    async kept<T extends Closable>(open: (forget: () => void) => Promise<T>): Promise<T> {
      let forget = (): void => undefined;
      const part = await guarded(() => open(() => forget()));
      forget = () => parts.delete(part);
      parts.add(part);
      if (closed) await part.close();
      return part;
    },
    close: once(async () => {
      closed = true;
      await Promise.all([...parts].map((part) => part.close()));
    }),
  };
}
