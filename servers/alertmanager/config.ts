/**
 * alertmanager.yml with one receiver that tells nobody: alerts show on its page and in its API. JSON is YAML.
 *
 * Whoever wants to be told adds targets to the receiver.
 */
export function renderAlertmanagerYml(): string {
  const receiver = 'nobody';
  const config = {
    // Alerts of one service that come within 10 s are one notification.
    route: { receiver, group_by: ['alertname', 'job'], group_wait: '10s', group_interval: '1m', repeat_interval: '4h' },
    receivers: [{ name: receiver }],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
