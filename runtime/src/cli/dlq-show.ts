import { isJsonContentType, type MillraceEvent } from '../contracts/event.ts';
import type { DeadLetter } from '../dead-letters.ts';
import type { Found } from './dlq-shelves.ts';
import { table } from './table.ts';

const longestError = 80;
const longestHex = 4_096;

export function lettersTable(found: readonly Found[]): string {
  const rows = found.map(({ letter: { id, topic, group, event, at, failures, blocking } }) => [
    ...[id, topic, group, event?.type ?? '(no event)', event?.partitionkey ?? '', event?.tenantid ?? '', at],
    `${failures.at(-1)?.attempt ?? 0}${blocking ? ', key waits' : ''}`,
    shortened(failures.at(-1)?.message ?? ''),
  ]);
  return table([['ID', 'TOPIC', 'GROUP', 'TYPE', 'KEY', 'TENANT', 'WHEN', 'ATTEMPTS', 'LAST ERROR'], ...rows]);
}

/** All that is known of a dead letter, for people. */
export function letterText({ service, letter }: Found): string {
  const { id, topic, group, position, at, event, failures, blocking } = letter;
  const { data, extensions, ...attributes } = event ?? ({} as Partial<MillraceEvent>);
  const told = { ...{ id, topic, group, service, position, 'given up': at }, ...(blocking && { blocks: 'the later events of its key' }) };
  const lines = [
    ...Object.entries(told),
    ...Object.entries(attributes).map(([name, value]) => [`event ${name}`, value]),
    ...Object.entries(extensions ?? {}).map(([name, value]) => [`event ${name}`, value]),
  ];
  const width = Math.max(...lines.map(([name]) => name!.length));
  return [
    ...lines.map(([name, value]) => `${name!.padEnd(width)}  ${String(value)}`),
    event === undefined ? 'the entry is no event' : `data of ${data?.byteLength ?? 0} bytes`,
    ...(data === undefined ? [] : [dataText(data, event?.datacontenttype)]),
    ...failures.map(
      ({ attempt, at: when, message, consumer }) => `attempt ${attempt}, ${when ?? 'at an unknown time'}, ${consumer}: ${message}`,
    ),
  ].join('\n');
}

/** JSON as JSON, text as text, anything else as hexadecimal digits. */
function dataText(data: Uint8Array, contentType = ''): string {
  const text = textOf(data);
  if (text !== undefined && isJsonContentType(contentType)) {
    try {
      return JSON.stringify(JSON.parse(text), undefined, 2);
    } catch {
      return text; // of a foreign producer
    }
  }
  if (text !== undefined) return text;
  const hex = Buffer.from(data.buffer, data.byteOffset, Math.min(data.byteLength, longestHex)).toString('hex');
  return data.byteLength > longestHex ? `${hex}... (${data.byteLength - longestHex} bytes more)` : hex;
}

function textOf(data: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch {
    return undefined;
  }
}

/** For programs: the event in the JSON format of CloudEvents. */
export function letterDocument({ service, letter: { event, ...letter } }: Found): object {
  return { ...letter, service, ...(event && { event: jsonEvent(event) }) };
}

function jsonEvent({ data, extensions, ...attributes }: MillraceEvent): object {
  return { specversion: '1.0', ...attributes, ...extensions, ...(data && { data_base64: Buffer.from(data).toString('base64') }) };
}

/** What is told of a dead letter that is put back or dropped; of a dropped one nothing else may be left. */
export function noteOf({ service, letter }: Found): string {
  const { id, topic, group, event, failures }: DeadLetter = letter;
  const what =
    event === undefined
      ? 'no event'
      : `event ${event.id} of type ${event.type}, key ${event.partitionkey ?? '-'}, tenant ${event.tenantid ?? '-'}`;
  return `${id} of ${topic}, ${group} on ${service}: ${what}, last error ${JSON.stringify(failures.at(-1)?.message ?? '')}`;
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > longestError ? `${line.slice(0, longestError - 3)}...` : line;
}
