import { ConnectedReference } from '../../constructs/aws/foundation/reference.ts';
import { Template } from '../support/template.ts';

class Thing extends ConnectedReference<{ readonly securityGroupId: string }> {
  finish(securityGroupId: string): void {
    this.attributes = { securityGroupId };
  }
}

test('what someone else keeps is complete at once, and its ports can be opened', () => {
  const template = Template.of((stack) => {
    const imported = { attributes: { securityGroupId: 'sg-theirs' }, ports: [{ port: 4_321, description: 'things' }] };
    const thing = new Thing(stack, 'Thing', imported);
    expect(thing.securityGroupId).toBe('sg-theirs');
    thing.connections.allowFrom('Orders', { securityGroupId: 'sg-orders' });
  });
  expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({ security_group_id: 'sg-theirs', from_port: 4_321 });
});

test('what is read before it is assigned is a mistake in the construct, named with its place', () => {
  Template.of((stack) => {
    const thing = new Thing(stack, 'Thing');
    expect(() => thing.securityGroupId).toThrow(new TypeError('stack/Thing must assign its attributes before they are read'));
    expect(() => thing.connections).toThrow(new TypeError('stack/Thing must assign its connections before they are read'));
    thing.finish('sg-ours');
    expect(thing.securityGroupId).toBe('sg-ours');
  });
});
