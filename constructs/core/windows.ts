const days: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const minutesADay = 24 * 60;

/** Minutes of the week, UTC; `end` may lie beyond the end of the week. */
interface Window {
  readonly start: number;
  readonly end: number;
}

/** `02:00-03:00` as minutes of the day, or undefined where the text is none such. */
export function parseDailyWindow(text: string): Window | undefined {
  const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (match === null) return undefined;
  const [startHour, startMinute, endHour, endMinute] = match.slice(1).map(Number) as [number, number, number, number];
  return ordered(startHour * 60 + startMinute, endHour * 60 + endMinute, minutesADay);
}

/** `sun:04:00-sun:05:00` as minutes of the week, or undefined where the text is none such. */
export function parseWeeklyWindow(text: string): Window | undefined {
  const match = /^([a-z]{3}):(\d\d:\d\d)-([a-z]{3}):(\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const times = parseDailyWindow(`${match[2]}-${match[4]}`);
  const [first, last] = [days.indexOf(match[1]!), days.indexOf(match[3]!)] as const;
  if (times === undefined || first < 0 || last < 0) return undefined;
  return ordered(first * minutesADay + times.start, last * minutesADay + (times.end % minutesADay), 7 * minutesADay);
}

/** Whether `text` is a time of the day in the form 02:00. */
export function isTimeOfDay(text: string): boolean {
  return parseDailyWindow(`${text}-00:00`) !== undefined;
}

/** Length of a window in minutes; 0 where it is none. */
export function windowMinutes(window: Window | undefined): number {
  return window === undefined ? 0 : window.end - window.start;
}

/** Whether a daily window touches a weekly one on any day. */
export function windowsOverlap(daily: Window | undefined, weekly: Window | undefined): boolean {
  if (daily === undefined || weekly === undefined) return false;
  return Array.from({ length: 9 }, (_, day) => (day - 1) * minutesADay).some(
    (offset) => daily.start + offset < weekly.end && weekly.start < daily.end + offset,
  );
}

function ordered(start: number, end: number, period: number): Window {
  return { start, end: end > start ? end : end + period };
}
