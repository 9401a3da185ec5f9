/** Like `Promise.all`, but when the failure is thrown none of the others is still at work. */
export async function settleAll<T>(runs: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(runs);
  return Promise.all(runs);
}
