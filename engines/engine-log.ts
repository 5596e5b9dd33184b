/** Where the driver says what happened: the part of pino's logger it uses. */
type Say = (values: Readonly<Record<string, unknown>>, message: string) => void;

export type EngineLog = {readonly debug: Say; readonly info: Say; readonly warn: Say; readonly error: Say};
