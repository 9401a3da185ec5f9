import type { ImageKey } from './engine.ts';

/** Images by default: the servers' are built from `docker/`, the tools' come from where their projects publish them. */
export const defaultImages: Readonly<Record<ImageKey, string>> = {
  redis: 'millrace/redis:7.0',
  'redis-sentinel': 'millrace/redis:7.0',
  kafka: 'millrace/kafka:4.1.1',
  rabbitmq: 'millrace/rabbitmq:3.10',
  opensearch: 'millrace/opensearch:2.19.4',
  postgres: 'millrace/postgres:15',
  prometheus: 'millrace/prometheus:2.42',
  alertmanager: 'millrace/alertmanager:0.25',
  worker: 'millrace/worker:0.1.0',
  grafana: 'grafana/grafana:12.1.1',
  'opensearch-dashboards': 'opensearchproject/opensearch-dashboards:2.19.4',
  'kafka-ui': 'kafbat/kafka-ui:v1.3.0',
};

/** What the images of Kafka and OpenSearch stand on. */
export const javaImage = 'millrace/java:0.1.0';
