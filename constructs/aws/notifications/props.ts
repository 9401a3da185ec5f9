import type { Environment } from '../../../environments/schema.ts';

/** What an environment declares of who is told, and how. */
export type DeclaredNotifications = Pick<Environment['alerts'], 'receivers' | 'smtp'>;
export type Receiver = DeclaredNotifications['receivers']['critical'][number];
export type ReceiverOf<K extends Receiver['kind']> = Extract<Receiver, { kind: K }>;

export interface NotificationsProps {
  readonly declared: DeclaredNotifications;
  /** Encrypts what waits in the topics; its policy must let CloudWatch use it. */
  readonly encryptionKeyArn: string;
}
