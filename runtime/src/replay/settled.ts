import { lockHolders } from '../outbox/ground.ts';
import type { Session } from '../outbox/session.ts';
import type { Claim } from './claims.ts';

const settledSql = 'select coalesce(max(low), 0)::text as low, pg_snapshot_xmin(pg_current_snapshot())::text as xmin from millrace.sink';

/**
 * Up to where no transaction can commit an event any more that a replay would pass over.
 *
 * What a relay has done is settled. What lies above it, when every transaction that could hold an id up to the end has ended: by the transaction id that was
 * drawn after the end, or, where an old transaction elsewhere keeps that from telling, by the locks on the log.
 */
export class SettledEnd {
  readonly #session: Session;
  readonly #claim: Pick<Claim, 'to' | 'bound'>;
  #owners: ReadonlySet<string> | undefined;
  #known = 0;

  constructor(session: Session, claim: Pick<Claim, 'to' | 'bound'>) {
    this.#session = session;
    this.#claim = claim;
  }

  /** @param above asked only where what is known does not lie above it. */
  async upTo(above: number): Promise<number> {
    const { to, bound } = this.#claim;
    if (this.#known > above || this.#known === to) return this.#known;
    const [row] = await this.#session.rows<{ low: string; xmin: string }>('replay_settled', settledSql);
    this.#known = BigInt(row!.xmin) >= bound || (await this.#ownersHaveEnded()) ? to : Math.min(to, Number(row!.low));
    return this.#known;
  }

  async #ownersHaveEnded(): Promise<boolean> {
    const holders = await lockHolders(this.#session);
    this.#owners ??= holders;
    return ![...this.#owners].some((owner) => holders.has(owner));
  }
}
