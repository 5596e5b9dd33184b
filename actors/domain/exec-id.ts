/**
 * Linkis' execID (ZuulEntranceUtils): `exec_id`, then the lengths of application name and instances with three digits
 * each, then both, then the short id. Parsing is purely positional; input whose digits do not fit is refused, never
 * repaired. Our index at the end of the short id is the taskID, so any gateway finds the row without a table.
 */
export const entranceService = 'linkis-cg-entrance';

export type ExecId = {
  readonly applicationName: string;
  /** `host:port`, the first is the owner. */
  readonly instances: readonly string[];
  readonly shortId: string;
};

const prefix = 'exec_id';

export const shortExecId = (group: string, taskID: number): string => `${group}_${taskID}`;

export function printExecId({applicationName, instances, shortId}: ExecId): string {
  const joined = instances.join('_');
  const length = (text: string): string => String(text.length).padStart(3, '0');
  return `${prefix}${length(applicationName)}${length(joined)}${applicationName}${joined}${shortId}`;
}

export function parseExecId(text: string): ExecId | undefined {
  const digits = /^exec_id(\d{3})(\d{3})/.exec(text);
  if (digits === null) return undefined;
  const nameEnd = prefix.length + 6 + Number(digits[1]);
  const instancesEnd = nameEnd + Number(digits[2]);
  if (instancesEnd >= text.length) return undefined;
  return {
    applicationName: text.slice(prefix.length + 6, nameEnd),
    instances: text.slice(nameEnd, instancesEnd).split('_'),
    shortId: text.slice(instancesEnd),
  };
}

/** The number at the end of a short id; undefined if there is none that fits. */
export function taskIdOf(shortId: string): number | undefined {
  const match = /_(\d{1,16})$/.exec(shortId);
  const id = match === null ? NaN : Number(match[1]);
  return Number.isSafeInteger(id) && id > 0 ? id : undefined;
}
