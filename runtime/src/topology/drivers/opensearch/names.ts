/** Under what names the documents of a declared index lie. */
export function namesIn(name: string, { dataStream }: { readonly dataStream: boolean }) {
  return {
    /**
     * What its template stands for, and nothing else. Backing indices of a data stream take the template of the stream's name. Indices behind an alias are
     * numbered by the server, six digits from 000001; `NAME-*` would be those of `NAME-archive` too.
     */
    pattern: dataStream ? name : `${name}-0*`,
    first: `${name}-000001`,
  };
}

/** Whether the server gave an index behind an alias its name, at a roll-over of the declared first one. */
export function isNumbered(alias: string, index: string): boolean {
  return index.startsWith(`${alias}-`) && /^\d{6}$/.test(index.slice(alias.length + 1));
}
