import { type ErrorCode, isMillraceError, MillraceError } from '../contracts/errors.ts';

/** What is asked for, and the code under which it fails. */
export interface Wanted {
  readonly code: ErrorCode;
  /** Begins the sentence of a failure: `secret arn:...`. */
  readonly what: string;
  /** What was to be done with it. @default 'read' */
  readonly verb?: Verb | undefined;
}

type Verb = 'read' | 'written' | 'listed' | 'purged';

interface Kind {
  readonly names: ReadonlySet<string>;
  readonly sentence: (verb: Verb) => string;
  readonly retriable: boolean;
}

/** What AWS answers, by the names of its errors: the first row counts. */
const kinds: readonly Kind[] = [
  {
    names: new Set(['ResourceNotFoundException', 'ParameterNotFound', 'ParameterVersionNotFound', 'NoSuchKey', 'NoSuchBucket', 'NotFound']),
    sentence: () => 'is not there; check its name, version, account and region',
    retriable: false,
  },
  {
    names: new Set(['AccessDeniedException', 'AccessDenied', 'KMSAccessDeniedException', 'DecryptionFailure']),
    sentence: (verb) => `may not be ${verb}; grant the role of this process access to it and to its KMS key`,
    retriable: false,
  },
  {
    names: new Set(['ExpiredTokenException', 'ExpiredToken', 'RequestExpired', 'RequestTimeTooSkewed']),
    sentence: () => 'was asked for with credentials that have expired, or with a clock that is wrong',
    retriable: true,
  },
  {
    names: new Set([
      ...['UnrecognizedClientException', 'InvalidClientTokenId', 'InvalidAccessKeyId', 'MissingAuthenticationToken'],
      ...['InvalidSignatureException', 'SignatureDoesNotMatch', 'IncompleteSignature'],
    ]),
    sentence: (verb) => `cannot be ${verb} with these credentials: AWS refuses them`,
    retriable: false,
  },
  {
    names: new Set([
      ...['ThrottlingException', 'Throttling', 'ThrottledException', 'TooManyRequestsException', 'RequestLimitExceeded', 'SlowDown'],
      ...['RequestThrottled', 'RequestThrottledException', 'LimitExceededException'],
    ]),
    sentence: (verb) => `cannot be ${verb} now: AWS throttles its requests`,
    retriable: true,
  },
];

const refused: Omit<Kind, 'names'> = { sentence: (verb) => `cannot be ${verb}: AWS refuses the request`, retriable: false };
const unanswered: Omit<Kind, 'names'> = { sentence: (verb) => `cannot be ${verb} now: AWS did not answer`, retriable: true };

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The one error of a request to AWS: what was wanted, what to do, and AWS's own word, which holds no value. */
export function awsFailure(error: unknown, { code, what, verb = 'read' }: Wanted): MillraceError {
  if (isMillraceError(error)) return error;
  const { name = 'Error', message = '', $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode ?? 500;
  const { sentence, retriable } = kinds.find(({ names }) => names.has(name)) ?? (status >= 500 ? unanswered : refused);
  return new MillraceError(code, `${what} ${sentence(verb)} (${name}: ${message})`, { cause: error, retriable });
}
