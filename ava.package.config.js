/** The packed package, installed in an empty folder; needs npm and its registry. */
export default {
  extensions: ['ts'],
  files: ['test/package/**/*.test.ts'],
  // Signals, child processes and process-wide state: a worker thread shares them with its neighbours.
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '5m',
};
