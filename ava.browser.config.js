/** The web console in a real Chromium. */
export default {
  extensions: ['ts'],
  files: ['test/browser/**/*.test.ts'],
  // Signals, child processes and process-wide state: a worker thread shares them with its neighbours.
  workerThreads: false,
  concurrency: 1,
  serial: false,
  timeout: '3m',
};
