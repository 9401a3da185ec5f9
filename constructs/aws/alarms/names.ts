import { contentHash } from '../../core/content-hash.ts';

/** What CloudWatch takes. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html */
export const longestName = 255;
export const longestDescription = 1_024;

/** `ENV-SERVICE-ID[-DETAIL]-SEVERITY`; one that is too long is cut in the middle, with a hash in place of what is gone. */
export function alarmName(parts: readonly (string | undefined)[]): string {
  const name = parts.filter((part) => part !== undefined && part !== '').join('-');
  if (name.length <= longestName) return name;
  const end = `-${contentHash(name)}-${parts.at(-1)}`;
  return `${name.slice(0, longestName - end.length)}${end}`;
}

/** What stands in a notification: what is wrong, why it matters, where the remedy is, and why this environment is told at another height. */
export function alarmDescription({
  title,
  why,
  runbook,
  reason,
}: {
  readonly title: string;
  readonly why: string;
  readonly runbook: string;
  readonly reason?: string | undefined;
}): string {
  const remedy = `Runbook: ${runbook}`;
  const told = [`${title}.`, why, ...(reason === undefined ? [] : [`Threshold changed: ${reason}`])].join('\n');
  const room = longestDescription - remedy.length - 1;
  return `${told.length <= room ? told : `${told.slice(0, room - 1)}…`}\n${remedy}`;
}
