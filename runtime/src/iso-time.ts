const isoTime = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2}))?$/;

/** A day, or a time with its zone, of ISO 8601; undefined for anything else: without a zone it would be another time on each machine. */
export function parseTime(text: string): Date | undefined {
  if (!isoTime.test(text)) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
