import { wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService } from '../../../runtime/src/contracts/binding.ts';

const events: BoundService = {
  kind: 'redis-sentinel',
  role: 'events',
  masterName: 'events',
  endpoints: [{ purpose: 'sentinel', host: '127.0.0.1', port: 26_379 }],
  auth: { mode: 'password', secretRef: { from: 'env', id: 'ADMIN' }, sentinelSecretRef: { from: 'env', id: 'SENTINEL' } },
  users: {
    inventory: { mode: 'acl', username: 'inventory', secretRef: { from: 'env', id: 'INVENTORY' } },
    emails: { mode: 'acl', username: 'emails', secretRef: { from: 'env', id: 'EMAILS' } },
  },
};
const { users: _, ...withoutUsers } = events;
const binding = wrap({ events, plain: withoutUsers }, { env: { ADMIN: 'all', INVENTORY: 'less' } });

describe('a service as one of its users', () => {
  test("has that user's credentials, and reaches the same servers through the same sentinels", async () => {
    const inventory = binding.service('events').as('inventory');
    expect(inventory.name).toBe('events');
    expect(inventory.service).toEqual({
      ...events,
      auth: { ...events.users!.inventory, sentinelSecretRef: events.auth.sentinelSecretRef },
    });
    expect(await inventory.secret(inventory.service.auth.secretRef!)).toBe('less');
  });

  test('leaves the service as it was, and can become another user', () => {
    const handle = binding.service('events');
    expect(handle.as('inventory').as('emails').service.auth.username).toBe('emails');
    expect(handle.service.auth.username).toBeUndefined();
  });

  test.each([
    ['inventry', 'service events has no user "inventry", did you mean inventory? users are emails, inventory'],
    ['billing', 'service events has no user "billing"; users are emails, inventory'],
    ['toString', 'service events has no user "toString"; users are emails, inventory'],
  ])('fails for %s with the right names', (user, message) => {
    expect(() => binding.service('events').as(user)).toThrow(expect.objectContaining({ code: 'BINDING_NAME_UNKNOWN', message }));
  });

  test('fails where there are none', () => {
    expect(() => binding.service('plain').as('inventory')).toThrow('service plain has no user "inventory"; users are none');
  });
});
