import type { AlertRow, Level } from '../../../alerts/row.ts';

/** How CloudWatch decides over time. */
export interface Evaluation {
  readonly evaluationPeriods: number;
  /** Left out where all of them must breach. */
  readonly datapointsToAlarm?: number;
}

/** As many periods as the level must last, one at least; of values that jump, so many of so many. */
export function evaluationOf({ forSeconds, periods }: Pick<Level, 'forSeconds' | 'periods'>, periodSeconds: number): Evaluation {
  if (periods === undefined) return { evaluationPeriods: Math.max(1, Math.ceil(forSeconds / periodSeconds)) };
  const [datapointsToAlarm, evaluationPeriods] = periods;
  return { evaluationPeriods, datapointsToAlarm };
}

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html */
export const treatMissingData = { fine: 'notBreaching', trouble: 'breaching', 'as-before': 'ignore' } as const satisfies Record<
  AlertRow['missing'],
  string
>;

export const comparisonOperators = {
  '>': 'GreaterThanThreshold',
  '>=': 'GreaterThanOrEqualToThreshold',
  '<': 'LessThanThreshold',
  '<=': 'LessThanOrEqualToThreshold',
} as const satisfies Record<AlertRow['comparison'], string>;
