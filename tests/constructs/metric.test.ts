import { type MetricTable, metricSeries } from '../../constructs/core/metric.ts';

const table = {
  Load: { statistic: 'Maximum', of: 'node' },
  Lag: { statistic: 'Maximum', of: 'node', on: 'replicated' },
  Size: { statistic: 'Sum', of: 'cluster' },
} as const satisfies MetricTable<'node' | 'cluster', 'replicated'>;

const namespace = 'AWS/Thing';
const sources = {
  node: ['1', '2'].map((Node) => ({ namespace, dimensions: { Node } })),
  cluster: [{ namespace, dimensions: { Cluster: 'a' } }],
};

test('a metric has one series of each source of its row', () => {
  expect(metricSeries('Load', table.Load, sources)).toEqual([
    { namespace, metricName: 'Load', dimensions: { Node: '1' } },
    { namespace, metricName: 'Load', dimensions: { Node: '2' } },
  ]);
  expect(metricSeries('Size', table.Size, sources)).toEqual([{ namespace, metricName: 'Size', dimensions: { Cluster: 'a' } }]);
});

test('a metric of some servers alone has no series where they are others', () => {
  expect(metricSeries('Lag', table.Lag, sources, [])).toEqual([]);
  expect(metricSeries('Lag', table.Lag, sources, ['replicated'])).toHaveLength(2);
});
