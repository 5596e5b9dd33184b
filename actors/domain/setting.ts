/**
 * What one setting is, as data: each floor lists its own, `config.ts` joins them, reads file, environment and command
 * line against them, and `docs/configuration.md` is printed from them.
 */
type SettingOf<Kind extends string, Value> = {
  readonly type: Kind;
  readonly default: Value;
  /** Smallest and largest allowed value; of a list, the number of members. */
  readonly min?: number;
  readonly max?: number;
  /** Of an integer: `bytes`, `lines`, … A duration is always in milliseconds. */
  readonly unit?: string;
  /** What it is for, and what goes wrong when it is too small or too large. */
  readonly description: string;
};

export type Setting =
  | SettingOf<'integer', number>
  | SettingOf<'duration', number>
  | SettingOf<'string', string>
  | SettingOf<'boolean', boolean>
  | SettingOf<'list', readonly string[]>;

export type SettingGroup = Readonly<Record<string, Setting>>;

type ValueOf<S extends Setting> = S['type'] extends 'integer' | 'duration'
  ? number
  : S['type'] extends 'string'
    ? string
    : S['type'] extends 'boolean'
      ? boolean
      : readonly string[];

/** The values of a group, by key: what code receives. */
export type SettingValues<Group extends SettingGroup> = {readonly [Key in keyof Group]: ValueOf<Group[Key]>};

/** The values that hold when nothing is configured. */
export function defaultsOf<Group extends SettingGroup>(group: Group): SettingValues<Group> {
  const defaults = Object.fromEntries(Object.entries(group).map(([key, setting]) => [key, setting.default]));
  return defaults as SettingValues<Group>;
}
