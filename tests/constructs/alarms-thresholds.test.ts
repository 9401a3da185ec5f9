import { alertRows } from '../../alerts/rows/index.ts';
import type { Template } from '../support/template.ts';
import { alarms, define, environmentWith, names, target, variant, view } from './alarms-cases.ts';

describe('a threshold', () => {
  const thresholds = (template: Template) =>
    alarms(template)
      .map(({ threshold, for_each }) => [Number(threshold), Object.keys(for_each as object).length] as const)
      .sort(([a], [b]) => a - b);

  test('is a share of a quota', () => {
    expect(thresholds(define([view({ metric: 'Used', shareOf: 'slots' })]))).toEqual([
      [28, 2],
      [36, 2],
    ]);
  });

  test('of a quota that differs from series to series is one for each', () => {
    expect(thresholds(define([view({ metric: 'Used', shareOf: 'each' })]))).toEqual([
      [7, 1],
      [9, 1],
      [14, 1],
      [18, 1],
    ]);
  });

  test('of a quota that AWS does not tell is no alarm', () => {
    expect(names(define([view({ metric: 'Used', shareOf: 'unknown' })]))).toEqual([]);
  });

  test('is that of the size, of the view, or of the declaration with its reason', () => {
    const bySize = variant({ levels: { warning: { threshold: { small: 1, medium: 2, large: 3 }, forSeconds: 0 } } });
    expect(thresholds(define([bySize]))).toEqual([[200, 2]]);
    const own = view({ metric: 'Used', levels: { warning: { threshold: 7, forSeconds: 600 } } });
    expect(alarms(define([own]))).toMatchObject([{ threshold: 7, evaluation_periods: 10 }]);
    const environment = environmentWith({ overrides: { 'redis-full.warning': { threshold: 0.5, reason: 'nightly imports fill it' } } });
    const [changed] = alarms(define([own], { environment }));
    expect(changed).toMatchObject({
      threshold: 0.5,
      alarm_description: expect.stringContaining('Threshold changed: nightly imports fill it\n'),
    });
  });
});

describe('an alarm stays at its place in the plan', () => {
  const placesWith = (each: Readonly<Record<string, number>>) => {
    const targets = [{ ...target, limits: { each } }];
    const { resource } = JSON.parse(define([view({ metric: 'Used', shareOf: 'each' })], { targets }).text);
    const resources = Object.entries(resource.aws_cloudwatch_metric_alarm as Record<string, { readonly for_each: object }>);
    return resources.flatMap(([place, { for_each }]) => Object.keys(for_each).map((name) => [name, place])).sort();
  };

  test('when limits of nodes change, become equal, or change places', () => {
    const places = placesWith({ '001': 10, '002': 20 });
    expect(places).toHaveLength(4);
    expect(placesWith({ '001': 20, '002': 20 })).toEqual(places);
    expect(placesWith({ '001': 20, '002': 10 })).toEqual(places);
  });

  test('when a node before it has no limit any more', () => {
    const ofSecond = placesWith({ '001': 10, '002': 20 }).filter(([name]) => name!.includes('-002-'));
    expect(placesWith({ '002': 20 })).toEqual(ofSecond);
  });
});

test('so many of so many periods are about as long as the level lasts, whatever the period of the view', () => {
  const lasting = alertRows.flatMap(({ id, cloudWatch = [], levels: ofRow }) =>
    cloudWatch.flatMap(({ periodSeconds, levels = ofRow }) =>
      Object.values(levels).flatMap(({ periods, forSeconds }) =>
        periods === undefined ? [] : [{ id, forSeconds, least: periods[0] * periodSeconds, most: periods[1] * periodSeconds }],
      ),
    ),
  );
  expect(lasting.length).toBeGreaterThan(0);
  expect(lasting.filter(({ forSeconds, least, most }) => forSeconds < least || forSeconds > most)).toEqual([]);
});
