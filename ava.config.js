/** Everything that needs nothing but Node. The other suites have their own configuration, see tools/suites.ts. */
export default {
  extensions: ['ts'],
  files: [
    'test/**/*.test.ts',
    '!test/e2e/**',
    '!test/conformance/**',
    '!test/cluster-e2e/**',
    '!test/cluster-long/**',
    '!test/servers/**',
    '!test/browser/**',
    '!test/sdk/**',
    '!test/package/**',
  ],
  timeout: '2m',
};
