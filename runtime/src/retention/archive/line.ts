import { isJsonContentType, specVersion } from '../../contracts/event.ts';
import type { ArchivedRow } from './row.ts';

/**
 * One row of the log as a line: the event in the JSON format of CloudEvents, with what only the log knows as extension attributes.
 *
 * `sequence` is the id in the log, `millracetopic` the topic, `time` has the microseconds of the database. JSON data whose bytes are those that
 * JavaScript writes too stands as `data`, all other bytes as `data_base64`, so that a restore gives the same bytes. Headers that are not texts under free
 * names (writers in SQL may store any) are kept whole in `millraceheaders`.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export function toLine(row: ArchivedRow): string {
  const attributes: Record<string, string> = { specversion: specVersion };
  for (const [attribute, column] of places) {
    const value = row[column];
    if (value !== null) attributes[attribute] = value;
  }
  if (row.headers !== null) Object.assign(attributes, headerAttributes(row.headers));
  const text = JSON.stringify(attributes);
  const data = dataMember(row);
  return data === undefined ? text : `${text.slice(0, -1)},${data}}`;
}

type TextColumn = Exclude<keyof ArchivedRow, 'data' | 'headers'>;

const places: readonly (readonly [attribute: string, column: TextColumn])[] = [
  ['id', 'event_id'],
  ['source', 'source'],
  ['type', 'type'],
  ['subject', 'subject'],
  ['time', 'created_at'],
  ['datacontenttype', 'datacontenttype'],
  ['tenantid', 'tenant_id'],
  ['actorid', 'actor_id'],
  ['partitionkey', 'key'],
  ['sequence', 'id'],
  ['millracetopic', 'topic'],
];

const wholeHeaders = 'millraceheaders';
const taken: ReadonlySet<string> = new Set([...places.map(([name]) => name), 'specversion', 'data', 'data_base64', wholeHeaders]);

function headerAttributes(json: string): Record<string, string> {
  const headers = JSON.parse(json) as Record<string, unknown>;
  const entries = Object.entries(headers);
  const plain =
    entries.length > 0 && entries.every(([name, value]) => typeof value === 'string' && /^[a-z][a-z0-9]*$/.test(name) && !taken.has(name));
  return plain ? (headers as Record<string, string>) : { [wholeHeaders]: json };
}

function dataMember({ data, datacontenttype }: ArchivedRow): string | undefined {
  if (data === null) return undefined;
  if (datacontenttype !== null && isJsonContentType(datacontenttype)) {
    const text = data.toString('utf8');
    if (isOwnJson(text, data)) return `"data":${text}`;
  }
  return `"data_base64":"${data.toString('base64')}"`;
}

/** Whether reading and writing the text again gives these very bytes. */
function isOwnJson(text: string, bytes: Buffer): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === text && Buffer.byteLength(text) === bytes.byteLength;
  } catch {
    return false; // the producer's own affair: kept as bytes
  }
}

/** The row that a line was made of. @throws {SyntaxError} when it is no JSON */
export function fromLine(line: string): ArchivedRow {
  const {
    data,
    data_base64: base64,
    specversion: _,
    millraceheaders,
    ...attributes
  } = JSON.parse(line) as Record<string, string | undefined>;
  const row: Partial<Record<keyof ArchivedRow, string | Buffer | null>> = {};
  for (const [attribute, column] of places) {
    row[column] = attributes[attribute] ?? null;
    delete attributes[attribute];
  }
  row.headers = millraceheaders ?? (Object.keys(attributes).length === 0 ? null : JSON.stringify(attributes));
  row.data = null;
  if (base64 !== undefined) row.data = Buffer.from(base64, 'base64');
  else if (data !== undefined) row.data = Buffer.from(JSON.stringify(data));
  return row as unknown as ArchivedRow;
}
