/** Where the runtime says what nobody asked for: crashes, dead letters, stops that took too long. A pino logger fits. */
export type RuntimeLog = {
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
};

/** A log that never throws: a broken log stream must not break the turn or the stop of an actor. */
export function guardedLog(log: RuntimeLog): RuntimeLog {
  const guarded =
    (level: 'warn' | 'error') =>
    (fields: object, text: string): void => {
      try {
        log[level](fields, text);
      } catch {
        // There is nowhere left to say it.
      }
    };
  return {warn: guarded('warn'), error: guarded('error')};
}
