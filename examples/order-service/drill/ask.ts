import { request } from 'node:https';
import type { ServiceHandle } from 'millrace/binding';

const timeoutMs = 5_000;

/** What the HTTP API of a bound service answers, with the authority and the password that the binding names. */
export async function askJson<T>({ name, service, secret }: ServiceHandle, path: string): Promise<T> {
  const { host, port } = service.endpoints.find(({ purpose }) => purpose === 'primary')!;
  const ca = service.tls?.caRef && (await secret(service.tls.caRef));
  const { username, secretRef } = service.auth;
  const auth = secretRef === undefined ? undefined : `${username}:${await secret(secretRef)}`;
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, ca, auth, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as T);
        else reject(new Error(`${name} answered ${path} with ${response.statusCode}: ${text.slice(0, 200)}`));
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`${name} did not answer ${path} within ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end();
  });
}
