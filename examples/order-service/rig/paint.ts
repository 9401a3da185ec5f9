/** Colours for a terminal, or none. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
}

export function paintFor(stream: { readonly isTTY?: boolean }): Paint {
  if (stream.isTTY !== true || process.env.NO_COLOR) return { good: (text) => text, bad: (text) => text };
  return { good: (text) => `\u001b[32m${text}\u001b[0m`, bad: (text) => `\u001b[1;31m${text}\u001b[0m` };
}
