import type { Tasks, Worker } from 'millrace/tasks';

interface Document {
  readonly order: string;
}

/** Sends mails later, one worker of many; a mail that fails is tried again, then set aside. */
export function sendMails(tasks: Tasks, send: (to: string) => Promise<void>): Promise<Worker> {
  return tasks.work<{ to: string }>('emails', { concurrency: 10 }, ({ payload }) => send(payload.to));
}

export async function askForMail(tasks: Tasks, to: string): Promise<void> {
  await tasks.send('emails', { to }, { delayMs: 1_000 });
}

/** Answers whoever asks for a document, while it waits. */
export function makeDocuments(tasks: Tasks): Promise<Worker> {
  return tasks.serve<Document>('pdfs', {}, async ({ payload }) => `/documents/${payload.order}.pdf`);
}

export function documentOf(tasks: Tasks, order: string): Promise<string> {
  return tasks.call<string>('pdfs', { order }, { timeoutMs: 5_000 });
}
