import { everyOne, type Rule, validate } from '../../constructs/core/validate.ts';
import { isMillraceError } from '../../runtime/src/contracts/errors.ts';

const rules: readonly Rule<{ readonly nodes: number; readonly name: string }>[] = [
  { condition: ({ nodes }) => nodes < 2, message: ({ nodes }) => `nodes must be at least 2, got ${nodes}` },
  { condition: ({ name }) => name === '', message: () => 'name must not be empty' },
];

function refusal(run: () => void): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    if (isMillraceError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}

test('settings that break no rule pass', () => expect(() => validate('thing', rules, { nodes: 2, name: 'a' })).not.toThrow());

test('all broken rules are named at once', () => {
  expect(refusal(() => validate('thing', rules, { nodes: 1, name: '' }))).toEqual({
    code: 'ENVIRONMENT_INVALID',
    message: 'thing has 2 problems:\n  - nodes must be at least 2, got 1\n  - name must not be empty',
  });
});

test('one broken rule is one problem', () => {
  expect(refusal(() => validate('thing', rules, { nodes: 1, name: 'a' })).message).toBe(
    'thing has 1 problem:\n  - nodes must be at least 2, got 1',
  );
});

test('a rule that finds several problems counts as many', () => {
  const severalAtOnce: Rule<{ readonly name: string }> = {
    condition: ({ name }) => name === '',
    message: () => ['name must not be empty', 'name must be short'],
  };
  expect(refusal(() => validate('thing', [...rules, severalAtOnce], { nodes: 1, name: '' })).message).toBe(
    'thing has 4 problems:\n  - nodes must be at least 2, got 1\n  - name must not be empty\n  - name must not be empty\n  - name must be short',
  );
});

describe('every one of several steps is taken', () => {
  const refuse = (what: string) => () => validate(what, [{ condition: () => true, message: () => 'is wrong' }], undefined);

  test('and gives its result', () => expect(everyOne([() => 1, () => 2])).toEqual([1, 2]));

  test('and all refusals are told in one', () => {
    expect(() => everyOne([refuse('msk log'), () => 1, refuse('elasticache cache')])).toThrow(
      expect.objectContaining({
        code: 'ENVIRONMENT_INVALID',
        message: 'msk log has 1 problem:\n  - is wrong\nelasticache cache has 1 problem:\n  - is wrong',
      }),
    );
  });

  test('but a fault of the program ends it at once', () => {
    const fault = new TypeError('no such thing');
    const fail = () => {
      throw fault;
    };
    expect(() => everyOne([refuse('msk log'), fail])).toThrow(fault);
  });
});
