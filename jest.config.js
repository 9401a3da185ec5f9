/** One compiler for every file: swc strips the types, `tsc` checks them in `make check`. @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/tests'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.[cm]?ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } }],
  },
  globalSetup: '<rootDir>/tests/support/install-servers.ts',
  reporters: ['default', '<rootDir>/tests/support/skip-reporter.cjs'],
  testTimeout: 60_000,
  maxWorkers: 2,
};
