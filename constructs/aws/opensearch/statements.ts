import type { PolicyStatement } from '../../core/policy.ts';

/** Of all indices. */
export const everyIndex = '*';

/** What a search is asked with, below an index or below the root. */
const searches = ['_search', '_msearch', '_count', '_mget', '_validate/query', '_field_caps'] as const;
/** Searches of many pages go on below the root, by an id that only the searcher has. */
const longSearches = '_search/*';
const writes = ['_bulk', '_doc', '_doc/*', '_create/*', '_update/*', '_update_by_query', '_delete_by_query', '_refresh'] as const;

/** What reads documents of the indices of that name or pattern: get, search, and nothing that changes anything. */
export function readStatements(domainArn: string, index: string): PolicyStatement[] {
  const all = index === everyIndex;
  const below = all ? [`${domainArn}/*`] : [`${domainArn}/`, `${domainArn}/${index}`, `${domainArn}/${index}/*`];
  const atTheRoot = all ? searches.map((path) => `${domainArn}/${path}`) : [];
  return [
    { Sid: 'ReadDocuments', Effect: 'Allow', Action: ['es:ESHttpGet', 'es:ESHttpHead'], Resource: below },
    {
      Sid: 'SearchDocuments',
      Effect: 'Allow',
      Action: 'es:ESHttpPost',
      Resource: [...atTheRoot, ...searches.map((path) => `${domainArn}/${index}/${path}`), `${domainArn}/${longSearches}`],
    },
    { Sid: 'EndSearches', Effect: 'Allow', Action: 'es:ESHttpDelete', Resource: `${domainArn}/${longSearches}` },
  ];
}

/**
 * What writes and deletes documents of the indices of that name or pattern; not what makes, changes or deletes an index.
 *
 * A bulk request may go to the root and name its indices in its body, where IAM does not look: of those the access control within the domain decides.
 */
export function writeStatements(domainArn: string, index: string): PolicyStatement[] {
  return [
    { Sid: 'SeeWhoAnswers', Effect: 'Allow', Action: ['es:ESHttpGet', 'es:ESHttpHead'], Resource: `${domainArn}/` },
    {
      Sid: 'WriteDocuments',
      Effect: 'Allow',
      Action: ['es:ESHttpPut', 'es:ESHttpPost'],
      Resource: [`${domainArn}/_bulk`, ...writes.map((path) => `${domainArn}/${index}/${path}`)],
    },
    { Sid: 'DeleteDocuments', Effect: 'Allow', Action: 'es:ESHttpDelete', Resource: `${domainArn}/${index}/_doc/*` },
  ];
}

/** What registers the bucket as a repository and takes and restores snapshots: the domain is handed the role with which it reaches the bucket. */
export function snapshotStatements(domainArn: string, snapshotRoleArn: string): PolicyStatement[] {
  return [
    passSnapshotRole(snapshotRoleArn),
    {
      Sid: 'ManageSnapshots',
      Effect: 'Allow',
      Action: ['es:ESHttpGet', 'es:ESHttpHead', 'es:ESHttpPut', 'es:ESHttpPost', 'es:ESHttpDelete'],
      Resource: [`${domainArn}/_snapshot`, `${domainArn}/_snapshot/*`],
    },
  ];
}

/** Every request to the domain, and none to the service that could change or delete it. */
export function everyRequestStatement(domainArn: string): PolicyStatement {
  return { Sid: 'EveryRequestToTheDomain', Effect: 'Allow', Action: 'es:ESHttp*', Resource: `${domainArn}/*` };
}

/** A repository is registered with the role that the domain is to use; so whoever registers it must be allowed to hand that role over. */
export function passSnapshotRole(snapshotRoleArn: string): PolicyStatement {
  return { Sid: 'HandOverSnapshotRole', Effect: 'Allow', Action: 'iam:PassRole', Resource: snapshotRoleArn };
}
