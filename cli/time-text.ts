/** Times, durations and shares as people read them. */

/** `2026-05-01 10:20:30`, by the clocks of this machine. */
export const printTime = (atMs: number): string =>
  // Swedish dates are ISO dates.
  new Date(atMs).toLocaleString('sv-SE');

/** `0.4 s`, `12 s`, `3 m 5 s`, `2 h 0 m` */
export function printDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

/** `40 %` of 0.4 */
export const printPercent = (share: number): string => `${Math.floor(share * 100)} %`;
