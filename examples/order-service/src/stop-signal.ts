/** Resolves when the process is asked to end: by a signal, or because the process that started it has gone. */
export function stopSignal(): Promise<unknown> {
  const asked = Promise.race([
    ...(['SIGTERM', 'SIGINT'] as const).map((signal) => new Promise((resolve) => process.once(signal, resolve))),
    new Promise((resolve) => process.once('disconnect', resolve)),
  ]);
  // The channel to the parent must not keep a process alive that has nothing else to do.
  process.channel?.unref();
  return asked;
}
