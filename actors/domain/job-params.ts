/**
 * `params` of a submission: `variable`, and `configuration` with `startup`, `runtime` and `special`. Stored whole, as the
 * client sent it and with what the server adds; read here by whoever needs a part.
 */
export type Params = Readonly<Record<string, unknown>>;

type Section = 'startup' | 'runtime' | 'special';

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The parameters of one section of `configuration`; empty if there are none. */
export function sectionOf(params: Params, section: Section): Params {
  const {configuration} = params;
  if (!isRecord(configuration)) return {};
  const values = configuration[section];
  return isRecord(values) ? values : {};
}

/** `params` with some parameters of a section set. */
export const withSection = (params: Params, section: Section, values: Params): Params => ({
  ...params,
  configuration: {
    ...(isRecord(params['configuration']) ? params['configuration'] : {}),
    [section]: {...sectionOf(params, section), ...values},
  },
});

/** Variables for substitution that have a value, as text. */
export function variablesOf(params: Params): Readonly<Record<string, string>> {
  const {variable} = params;
  if (!isRecord(variable)) return {};
  const scalars = Object.entries(variable).filter(
    ([, value]) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean',
  );
  return Object.fromEntries(
    scalars.map(([name, value]) => [name, String(value)]).filter(([, text]) => text !== ''),
  );
}

/** A whole number from 0 to `max`, given as number or digits; undefined for anything else. */
export function countParam(params: Params, key: string, max: number): number | undefined {
  const value = params[key];
  const text = typeof value === 'number' || typeof value === 'string' ? String(value).trim() : '';
  return /^\d{1,15}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}
