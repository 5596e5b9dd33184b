/** The page of settings: one table a group, as `config.ts` joins them. */
import type {Setting, SettingGroup} from '../../actors/domain/setting.ts';

export type ConfigurationSource = {
  readonly groups: Readonly<Record<string, SettingGroup>>;
  /** The rule by which the environment is read. */
  readonly environmentName: (group: string, key: string) => string;
};

/** Its keys stand at the top of the file, and each is an option of `tenon start`. */
const topGroup = 'node';

export function configurationPage(source: ConfigurationSource): string {
  const sections = Object.entries(source.groups).map(
    ([name, group]) => `## ${name}\n\n${table(name, group, source)}`,
  );
  return `# Configuration

<!-- Written by \`npm run docs\` from the settings in the code; don't edit. -->

A setting is given on the command line, in the environment, or in a file (\`tenon start --config tenon.yaml\`); the first of these
that has it holds. On the command line a setting of the group ${topGroup} is an option (\`--listen\`), any other is \`--set group.key=value\`. In the file
the keys of ${topGroup} stand at the top, the other groups are maps:

\`\`\`yaml
listen: 127.0.0.1:9001
http:
  bodyBytesMax: 5242880
\`\`\`

A duration is a number of milliseconds, or a text such as \`30s\`, \`5m\`, \`1h\`. A list is a YAML list, or a text with commas. All
mistakes are reported together, and nothing starts while there is one.

${sections.join('\n\n')}
`;
}

function table(name: string, group: SettingGroup, {environmentName}: ConfigurationSource): string {
  const rows = Object.entries(group).map(([key, setting]) => {
    const cells = [
      `\`${name === topGroup ? key : `${name}.${key}`}\`<br>\`${environmentName(name, key)}\``,
      setting.type,
      `\`${JSON.stringify(setting.default)}\``,
      range(setting),
      setting.description,
    ];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  const head = ['| Setting | Type | Default | Range | Meaning |', '| --- | --- | --- | --- | --- |'];
  return [...head, ...rows].join('\n');
}

function range({type, min, max, unit = type === 'duration' ? 'ms' : ''}: Setting): string {
  if (min === undefined && max === undefined) return unit || '–';
  return `${min ?? ''} … ${max ?? ''} ${unit}`.trim();
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
