import { type Lie, passingOver, swallowing } from '../lies.ts';
import { type Liar, never } from './liar.ts';

/** How a server's restart ends; set by the run. */
export interface RestartState {
  state: 'before' | 'away' | 'after';
}

export const restartLiars: readonly (Omit<Liar, 'lie'> & { lie(restart: RestartState): Lie })[] = [
  {
    check: 'restart',
    does: 'counts as published what it cannot send while the server is away',
    foundOut: never,
    lie: (restart) => swallowing(() => restart.state === 'away'),
  },
  {
    check: 'restart',
    does: 'does not deliver again what the restart has interrupted',
    foundOut: never,
    lie(restart) {
      const lost = new Set<string>();
      return passingOver(({ id }) => {
        if (restart.state !== 'before' && lost.size === 0) lost.add(id);
        return lost.has(id);
      });
    },
  },
];
