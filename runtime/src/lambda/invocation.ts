/** What AWS Lambda tells of an invocation, as far as it is used. */
export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}
