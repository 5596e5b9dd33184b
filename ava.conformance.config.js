/** Engines against the engine protocol; needs Python 3, Perl and time. One after the other: they measure what timers do. */
export default {
  extensions: ['ts'],
  // Engines with planted faults, one by one, take minutes: ava.conformance-long.config.js.
  files: ['test/conformance/**/*.test.ts', '!test/conformance/faults.test.ts'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '4m',
};
