import type { Kind } from './model.ts';

/** `SERVICE/KIND/NAME` of a change or a note. */
export function changeName(service: string, { kind, name }: { readonly kind: Kind; readonly name: string }): string {
  return `${service}/${kind}/${name}`;
}

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
