/** What a series does from the first sample on: a value that stays, `[from, added at each sample]`, or the words of promtool. */
export type Course = number | readonly [from: number, step: number] | string;
/** Courses by series as PromQL writes them, without their service or job where a function makes them. */
export type Courses = Readonly<Record<string, Course>>;
