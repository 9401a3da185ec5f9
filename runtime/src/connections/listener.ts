/** What a listener of the caller throws surfaces as from any event (`uncaughtException`), and does not end the work in whose midst it was called. */
export function apart<A extends unknown[]>(listener: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
