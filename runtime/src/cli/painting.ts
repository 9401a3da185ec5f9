import type { Paint } from '../topology/report.ts';

const escapes = { red: '31', green: '32', yellow: '33', dim: '2' } as const;

/** Colours on a terminal, unless NO_COLOR is set; elsewhere texts stay as they are. */
export function painting({ isTTY }: NodeJS.WriteStream): Paint {
  return (colour, text) => (isTTY && !process.env.NO_COLOR ? `\u001b[${escapes[colour]}m${text}\u001b[0m` : text);
}
