import { type Bench, indices, reference, withIndex } from './topology-opensearch-bench.ts';

const alias = 'domain-entities';
const entities = indices[alias];
const line = { type: 'nested', properties: { sku: { type: 'keyword' } } } as const;

/** Fields of an index that is written to. */
export function describeFields(bench: () => Bench): void {
  const mappingOf = async (index: string) => {
    const mapping = await bench().search.ask<Record<string, { mappings: { properties: object } }>>('GET', `/${index}/_mapping`);
    return mapping[index]!.mappings.properties;
  };

  describe('fields', () => {
    beforeEach(() => bench().startAnew());

    test('that are new are mapped, although the type of another one has changed', async () => {
      const { search, expectNothingLeft } = bench();
      const changed = withIndex(alias, { ...entities, fields: { title: { type: 'keyword' }, price: { type: 'float' } } });
      const { changes, notes } = await search.applyAll(changed);
      expect(changes[1]!.differences).toEqual([{ property: 'field price', declared: 'mapped' }]);
      expect(notes).toContainEqual({
        ...{ level: 'info', name: `search/alias/${alias}` },
        sentence: expect.stringMatching(/after a roll-over .* with a reindex: field title as keyword \(now text\)$/),
      });
      await expectNothingLeft(changed);
      expect(await mappingOf(`${alias}-000001`)).toMatchObject({ title: { type: 'text' }, price: { type: 'float' } });
    });

    test('with a dot, in objects and in nested ones are compared as well', async () => {
      const { search, expectNothingLeft } = bench();
      const first = withIndex(alias, { ...entities, fields: { ...entities.fields, lines: line } });
      await search.applyAll(first);
      await expectNothingLeft(first);
      const fields = {
        ...entities.fields,
        'shop.city': { type: 'keyword' },
        owner: { properties: { name: { type: 'text' } } },
        lines: { ...line, properties: { ...line.properties, price: { type: 'float' } } },
      };
      const second = withIndex(alias, { ...entities, fields });
      const { changes } = await search.applyAll(second);
      expect(changes[1]!.differences.map(({ property }) => property)).toEqual([
        'field shop.city',
        'field owner',
        'field owner.name',
        'field lines.price',
      ]);
      await expectNothingLeft(second);
      expect(await mappingOf(`${alias}-000001`)).toMatchObject({
        lines: { type: 'nested', properties: { sku: { type: 'keyword' }, price: { type: 'float' } } },
        shop: { properties: { id: { type: 'keyword' }, city: { type: 'keyword' } } },
        owner: { properties: { name: { type: 'text' } } },
      });
    });

    test('that cannot be as declared, or whose parameters differ, are told of', async () => {
      const { search, expectNothingLeft } = bench();
      const fields = { 'title.short': { type: 'keyword' }, 'shop.id': { type: 'keyword', ignore_above: 64, index: true } };
      const changed = withIndex(alias, { ...entities, fields });
      await search.applyAll(changed);
      await expectNothingLeft(changed);
      const { notes } = await (await search.open(changed)).compare();
      expect(notes).toContainEqual({
        ...{ level: 'info', name: `search/alias/${alias}` },
        sentence: expect.stringMatching(/: field title\.short \(now title is text\), ignore_above of field shop\.id$/),
      });
      await search.applyAll(reference);
    });
  });
}
