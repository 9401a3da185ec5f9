import { toolKinds } from '../../../environments/engine.ts';
import { serviceKinds } from '../../../runtime/src/contracts/binding.ts';

const kinds = [...serviceKinds, ...toolKinds] as const;
const block = 100;

/**
 * Ports on this machine: a block for each kind, so that adding a service of one kind moves no port of another.
 *
 * Within a block they follow the order of declaration: a further service of a kind belongs behind the others.
 */
export class Ports {
  private readonly base: number;
  private readonly given = new Map<string, number>();

  constructor(base: number) {
    this.base = base;
  }

  next(kind: (typeof kinds)[number]): number {
    const index = this.given.get(kind) ?? 0;
    if (index >= block) throw new RangeError(`services of the kind ${kind} have ${block} ports, wanted one more`);
    this.given.set(kind, index + 1);
    return this.base + kinds.indexOf(kind) * block + index;
  }
}
