import { named } from '../support/topology-search.ts';
import { type Bench, indices, reference, service, withIndex } from './topology-opensearch-bench.ts';

const alias = 'domain-entities';
const { 'domain-entities': _entities, ...others } = indices;
const withoutAlias = { ...reference, indices: others };

/** Aliases and their indices, where others have a hand in them as well. */
export function describeAliases(bench: () => Bench): void {
  const actions = (...all: object[]) => bench().search.ask('POST', '/_aliases', { actions: all });
  const comparison = async (topology: typeof reference) => (await bench().search.open(topology)).compare();
  const drop = async (...names: string[]) => {
    for (const name of names) await bench().search.ask('DELETE', `/${name}`);
  };

  describe('an alias that was taken away', () => {
    test('is put on all of its indices again, and on nothing that only looks like one', async () => {
      const { search, startAnew, expectNothingLeft } = bench();
      await startAnew();
      for (const title of ['first', 'second']) {
        await search.ask('POST', `/${alias}/_doc?refresh=true`, { title });
        await search.ask('POST', `/${alias}/_rollover`);
      }
      await search.ask('PUT', `/${alias}-0backup`);
      await search.ask('PUT', `/${alias}-archive-000001`);
      await actions({ remove: { index: `${alias}-*`, alias } });
      expect(named((await search.applyAll(reference)).changes)).toEqual([`create search/alias/${alias}`]);
      expect(await search.ask('GET', `/${alias}/_count`)).toMatchObject({ count: 2 });
      const members = await search.ask<Record<string, { aliases: Record<string, { is_write_index?: boolean }> }>>(
        'GET',
        `/_alias/${alias}`,
      );
      expect(Object.entries(members).map(([index, { aliases }]) => [index, aliases[alias]!.is_write_index === true])).toEqual(
        expect.arrayContaining([
          [`${alias}-000001`, false],
          [`${alias}-000002`, false],
          [`${alias}-000003`, true],
        ]),
      );
      expect(Object.keys(members)).toHaveLength(3);
      await expectNothingLeft(reference);
      await drop(`${alias}-0backup`, `${alias}-archive-000001`);
    });

    test('fails if others have an index where the first one would be', async () => {
      const { search, startAnew } = bench();
      await startAnew();
      await drop(`${alias}-000001`);
      await search.ask('DELETE', `/_index_template/${alias}`);
      await search.ask('PUT', `/${alias}-000001`);
      await expect(search.applyAll(reference)).rejects.toMatchObject({
        code: 'TOPOLOGY_CONFLICT',
        message: expect.stringContaining(`index ${alias}-000001 is there and was not made by Millrace`),
      });
      await drop(`${alias}-000001`);
    });
  });

  test('an alias whose only index takes no documents is put right', async () => {
    const { search, startAnew, expectNothingLeft } = bench();
    await startAnew();
    await actions({ add: { index: `${alias}-000001`, alias, is_write_index: false } });
    await expect(search.ask('POST', `/${alias}/_doc`, { title: 'lost' })).rejects.toThrow();
    const { changes } = await search.applyAll(reference);
    expect(changes).toMatchObject([
      { action: 'update', name: `search/alias/${alias}`, differences: [{ property: 'write index', declared: `${alias}-000001` }] },
    ]);
    await search.ask('POST', `/${alias}/_doc`, { title: 'kept' });
    await expectNothingLeft(reference);
  });

  describe('an index of others behind an alias of ours', () => {
    beforeEach(async () => {
      await bench().startAnew();
      await bench().search.ask('PUT', '/theirs');
      await bench().search.ask('POST', '/theirs/_doc?refresh=true', { title: 'theirs' });
      await bench().search.ask('POST', `/${alias}-000001/_doc?refresh=true`, { title: 'ours' });
      await actions({ add: { index: 'theirs', alias } });
    });
    afterEach(() => drop('theirs'));

    test('is a problem', async () => {
      const { changes, notes } = await comparison(reference);
      expect(changes).toEqual([]);
      expect(notes).toContainEqual({
        ...{ level: 'problem', name: `search/alias/${alias}` },
        sentence: expect.stringContaining('index theirs is behind the alias and was not made by Millrace'),
      });
    });

    test('stays when the alias is deleted', async () => {
      const { search } = bench();
      const { changes } = await search.applyAll(withoutAlias);
      expect(changes[0]).toMatchObject({
        ...{ action: 'delete', name: `search/alias/${alias}` },
        danger: {
          messages: 1,
          sentence: expect.stringMatching(
            /^deletes the alias with domain-entities-000001 and 1 document \(\d+ bytes\); theirs of others stays, without the alias$/,
          ),
        },
      });
      expect(await search.ask('GET', '/theirs/_count')).toMatchObject({ count: 1 });
      expect(await search.ask('GET', '/theirs/_alias')).toEqual({ theirs: { aliases: {} } });
      expect(await search.ask('GET', `/${alias}-*/_alias`)).toEqual({});
    });

    test('stays when a data stream takes the name of the alias', async () => {
      const { search, expectNothingLeft } = bench();
      const changed = withIndex(alias, { ...indices[alias], dataStream: true });
      expect(named((await search.applyAll(changed)).changes)).toEqual([`replace search/data-stream/${alias}`]);
      expect(await search.ask('GET', '/theirs/_count')).toMatchObject({ count: 1 });
      await expectNothingLeft(changed);
    });

    test('fails if it came after the comparison, and nothing is deleted', async () => {
      const { search } = bench();
      const driver = await search.open(withoutAlias);
      const { changes } = await driver.compare();
      await search.ask('PUT', '/late');
      await actions({ add: { index: 'late', alias } });
      await expect(driver.apply(changes[0]!)).rejects.toMatchObject({ code: 'TOPOLOGY_CONFLICT' });
      expect(await search.ask('GET', `/${alias}/_count`)).toMatchObject({ count: 2 });
      await drop('late');
    });
  });

  test('fails if a data stream was rolled over after the comparison, and nothing is deleted', async () => {
    const { search } = bench();
    const { logs: _logs, ...rest } = indices;
    const driver = await search.open({ ...reference, indices: rest });
    const { changes } = await driver.compare();
    await search.ask('POST', '/logs/_rollover');
    await expect(driver.apply(changes[0]!)).rejects.toMatchObject({ code: 'TOPOLOGY_CONFLICT' });
    expect(await search.ask('GET', '/_data_stream/logs')).toMatchObject({ data_streams: [{ name: 'logs' }] });
  });

  describe('what others made and the topology declares since', () => {
    const declared = withIndex('newone', { service, replicas: 0, refresh: 'historical', fields: { title: { type: 'text' } } });

    test('is a conflict, and changed only where that is allowed', async () => {
      const { search, expectNothingLeft } = bench();
      await search.ask('PUT', '/newone-000001', { aliases: { newone: { is_write_index: true } } });
      const driver = await search.open(declared);
      const { changes } = await driver.compare();
      expect(named(changes)).toEqual(['create search/template/newone', 'conflict search/alias/newone']);
      for (const change of changes) await driver.apply(change);
      await expectNothingLeft(declared);
      await drop('newone-000001');
      await search.ask('DELETE', '/_index_template/newone');
    });
  });

  describe('templates of others', () => {
    afterEach(async () => {
      // The server keeps a template that a data stream is made from.
      await bench().search.ask('DELETE', '/_data_stream/logs');
      for (const name of ['first', 'stream', 'elsewhere']) await bench().search.ask('DELETE', `/_index_template/${name}`);
    });

    test('are a problem where they come first for the next index', async () => {
      const { search, startAnew } = bench();
      await startAnew();
      for (const [name, index_patterns, rest] of [
        ['first', ['domain-*'], { priority: 900 }],
        ['stream', ['logs*'], { priority: 900, data_stream: {} }],
        ['elsewhere', ['domain-archive-*'], { priority: 901 }],
      ] as const) {
        await search.ask('PUT', `/_index_template/${name}`, { index_patterns, ...rest });
      }
      const { changes, notes } = await comparison(reference);
      expect(changes).toEqual([]);
      const problems = notes.filter(({ level }) => level === 'problem').map(({ name, sentence }) => [name, sentence]);
      expect(problems.sort()).toEqual([
        [`search/template/${alias}`, expect.stringContaining('template first (priority 900)')],
        ['search/template/logs', expect.stringContaining('template stream (priority 900)')],
      ]);
    });
  });
}
