// Two projects: `unit` runs in parallel, `process` starts real plugins and runs one file at a time, beside the other
// (scripts/test.mjs passes --runInBand for it). Packages are tested from their sources.
const common = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^@plugd/protocol/gen/(.*)\\.binpb$': '<rootDir>/proto/src/gen/$1.binpb',
    '^@plugd/(protocol)$': '<rootDir>/proto/src/index.ts',
    '^@plugd/(protocol)/(.*)$': '<rootDir>/proto/src/$2.ts',
    '^@plugd/(host|sdk)$': '<rootDir>/$1/src/index.ts',
    '^@plugd/(host|sdk)/(.*)$': '<rootDir>/$1/src/$2.ts',
  },
  modulePathIgnorePatterns: ['/dist/'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};

module.exports = {
  // What hangs ends; nothing is measured by it, for the machine may be busy.
  testTimeout: 60_000,
  // Of the tests of one file that say they may run at once.
  maxConcurrency: 3,
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    {
      ...common,
      displayName: 'process',
      testMatch: ['<rootDir>/test/{wire,upgrade,supervision,faults,operators,docs}/**/*.test.ts'],
    },
  ],
};
