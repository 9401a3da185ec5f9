/** A time for people, in the largest unit that leaves no rest. @example durationText(2_700) // 45 min */
export function durationText(seconds: number): string {
  const units: readonly (readonly [seconds: number, name: string])[] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ];
  const [size, name] = units.find(([each]) => seconds % each === 0) ?? [1, 's'];
  return `${seconds / size} ${name}`;
}
