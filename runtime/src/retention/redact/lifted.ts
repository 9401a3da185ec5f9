import type { ClientBase } from 'pg';

/** Settings of an index as they were, null for one that was not set. */
export type Settings = Readonly<Record<string, string | null>>;

/** Settings that a redaction has changed and must bring back, remembered before it changes them. */
export interface Lifted {
  all(): Promise<Readonly<Record<string, Settings>>>;
  /** @param place `SERVICE INDEX` */
  note(place: string, settings: Settings): Promise<void>;
  forget(place: string): Promise<void>;
}

/** Its place in `done` of a redaction's row. */
export const liftedKey = 'lifted';

/** Remembered in the row of the redaction, which outlives this process. */
export function liftedIn(client: ClientBase, id: string): Lifted {
  return {
    async all() {
      const sql = `select done->'${liftedKey}' as lifted from millrace.redaction where id = $1`;
      return (await client.query<{ lifted: Record<string, Settings> | null }>(sql, [id])).rows[0]?.lifted ?? {};
    },
    async note(place, settings) {
      await client.query(
        `update millrace.redaction set done = jsonb_set(done, '{${liftedKey}}', coalesce(done->'${liftedKey}', '{}') || jsonb_build_object($2::text, $3::jsonb))
          where id = $1`,
        [id, place, JSON.stringify(settings)],
      );
    },
    async forget(place) {
      await client.query(`update millrace.redaction set done = done #- array['${liftedKey}', $2::text] where id = $1`, [id, place]);
    },
  };
}
