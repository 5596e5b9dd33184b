/** The conformance suite itself, tried on engines with one planted fault each; before a release. */
export default {
  extensions: ['ts'],
  files: ['test/conformance/faults.test.ts'],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '4m',
};
