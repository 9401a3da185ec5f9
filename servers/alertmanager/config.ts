/** How long silences are kept, and what has been notified of. Everything else that is configured stands in `alerts/alertmanager.ts`. */
export function retentionFlag(hours: number): string {
  return `--data.retention=${hours}h`;
}
