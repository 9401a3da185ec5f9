/** A connection that is opened when somebody first asks for it, so that a server which is away keeps nobody from starting. */
export interface WhenAsked<C> {
  /** The open connection; after a failure the next call tries again. */
  get(): Promise<C>;
  /** Closes it if it was opened. A failure to open was told to who asked. */
  close(): Promise<void>;
}

export function whenAsked<C extends { close(): Promise<void> }>(open: () => Promise<C>): WhenAsked<C> {
  let opening: Promise<C> | undefined;
  return {
    async get() {
      opening ??= open();
      const mine = opening;
      try {
        return await mine;
      } catch (error) {
        if (opening === mine) opening = undefined;
        throw error;
      }
    },
    async close() {
      const [opened] = await Promise.allSettled([opening]);
      if (opened.status === 'fulfilled') await opened.value?.close();
    },
  };
}
