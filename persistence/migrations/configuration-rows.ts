/**
 * The rows that version 0005 puts into the configuration tables, for both dialects: keys, the labels and categories of
 * the engine types and creators we know, and which key belongs to which engine type. Rows that are there already, such as
 * those of a Linkis installation, stay as they are.
 *
 * A key without a default has the node's own settings for one; see docs/quotas.md.
 */
type KeyRow = {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly tree: string;
  readonly defaultValue?: string;
  readonly validateType?: 'None' | 'NumInterval' | 'FloatInterval' | 'Regex' | 'OFT';
  readonly validateRange?: string;
  /** 0 none, 1 least, 2 most, 3 both: which end of the range the console shows. */
  readonly boundaryType?: 0 | 1 | 2 | 3;
  readonly isHidden?: boolean;
  readonly isAdvanced?: boolean;
};

const memory = '^([1-9][0-9]{0,8})([kKmMgGtT][bB]?)?$';
const duration = '^([1-9][0-9]{0,9})(ms|s|m|h|d)?$';

const quotaKeys: readonly KeyRow[] = [
  {
    key: 'wds.linkis.rm.client.memory.max',
    name: 'Memory, all engines together',
    description: 'What the engines of one user, creator and engine type may reserve together, such as 20G.',
    tree: 'resources',
    validateType: 'Regex',
    validateRange: memory,
  },
  {
    key: 'wds.linkis.rm.client.core.max',
    name: 'Cores, all engines together',
    description:
      'Processor cores that the engines of one user, creator and engine type may reserve together.',
    tree: 'resources',
    validateType: 'NumInterval',
    validateRange: '[1,100000]',
    boundaryType: 3,
  },
  {
    key: 'wds.linkis.rm.instance',
    name: 'Engines',
    description: 'Engine processes of one user, creator and engine type.',
    tree: 'resources',
    validateType: 'NumInterval',
    validateRange: '[1,10000]',
    boundaryType: 3,
  },
];

const queueKeys: readonly KeyRow[] = [
  {
    key: 'wds.linkis.engine.running.job.max',
    name: 'Running jobs',
    description: 'Jobs of one user, creator and engine type that run at a time.',
    tree: 'queue',
    validateType: 'NumInterval',
    validateRange: '[1,10000]',
    boundaryType: 3,
  },
  {
    key: 'tenon.queue.waiting.max',
    name: 'Waiting jobs',
    description: 'Jobs of one user, creator and engine type that may wait; a further submission is refused.',
    tree: 'queue',
    validateType: 'NumInterval',
    validateRange: '[1,1000000]',
    boundaryType: 3,
    isAdvanced: true,
  },
];

const engineKeys: readonly KeyRow[] = [
  {
    key: 'wds.linkis.engineconn.java.driver.memory',
    name: 'Memory of an engine',
    description: 'What one engine reserves, such as 512M. A number alone counts in G.',
    tree: 'engine',
    defaultValue: '512M',
    validateType: 'Regex',
    validateRange: memory,
  },
  {
    key: 'wds.linkis.engineconn.java.driver.cores',
    name: 'Cores of an engine',
    description: 'Processor cores that one engine reserves.',
    tree: 'engine',
    defaultValue: '1',
    validateType: 'NumInterval',
    validateRange: '[1,1024]',
    boundaryType: 3,
  },
  {
    key: 'wds.linkis.engineconn.max.free.time',
    name: 'Time an idle engine is kept',
    description: 'Such as 30m or 1h; an engine that had no job for so long ends.',
    tree: 'engine',
    validateType: 'Regex',
    validateRange: duration,
  },
  {
    key: 'wds.linkis.engineconn.max.task.execute.num',
    name: 'Jobs of an engine',
    description: 'An engine ends after so many jobs; 0: any number.',
    tree: 'engine',
    defaultValue: '0',
    validateType: 'NumInterval',
    validateRange: '[0,1000000000]',
    boundaryType: 3,
    isAdvanced: true,
  },
  {
    key: 'tenon.engine.warm',
    name: 'Warm engines',
    description: 'Idle engines that are kept ready for the next job.',
    tree: 'engine',
    defaultValue: '0',
    validateType: 'NumInterval',
    validateRange: '[0,1000]',
    boundaryType: 3,
    isAdvanced: true,
  },
];

const jdbcKeys: readonly KeyRow[] = [
  {
    key: 'wds.linkis.jdbc.connect.url',
    name: 'Connection',
    description: 'Such as jdbc:mysql://host:3306/database, without user and password.',
    tree: 'connection',
  },
  {key: 'wds.linkis.jdbc.username', name: 'User', description: 'User of the database.', tree: 'connection'},
  {
    key: 'wds.linkis.jdbc.password',
    name: 'Password',
    description: 'Password of the database; it is never shown again.',
    tree: 'connection',
  },
];

const shownTenantKeys: readonly KeyRow[] = [
  {
    key: 'tenon.tenant.weight',
    name: 'Weight',
    description: 'Share of contended engines, against those of other tenants.',
    tree: 'tenant',
    defaultValue: '1',
    validateType: 'FloatInterval',
    validateRange: '[0.01,1000]',
  },
  {
    key: 'tenon.tenant.memory.max',
    name: 'Memory of a tenant',
    description: 'What all engines of the tenant may reserve together; blank: any.',
    tree: 'tenant',
    validateType: 'Regex',
    validateRange: memory,
  },
  ...(
    [
      ['tenon.tenant.cores.max', 'Cores of a tenant', 'Cores that all engines of the tenant may reserve.'],
      ['tenon.tenant.instances.max', 'Engines of a tenant', 'Engine processes of the tenant.'],
      ['tenon.tenant.running.max', 'Running jobs of a tenant', 'Jobs of the tenant that run at a time.'],
      ['tenon.tenant.waiting.max', 'Waiting jobs of a tenant', 'Jobs of the tenant that may wait.'],
    ] as const
  ).map(([key, name, text]): KeyRow => ({
    key,
    name,
    description: `${text} Blank: any number.`,
    tree: 'tenant',
    validateType: 'NumInterval',
    validateRange: '[1,1000000000]',
    boundaryType: 3,
  })),
  {
    key: 'tenon.tenant.waiting.bytes.max',
    name: 'Size of waiting jobs of a tenant',
    description: 'Code and parameters of its waiting jobs together, such as 1G; blank: any.',
    tree: 'tenant',
    validateType: 'Regex',
    validateRange: memory,
  },
];

/** Of no user's settings, so the console does not show them; `tenon quota` does. */
const tenantKeys = shownTenantKeys.map((row): KeyRow => ({...row, isHidden: true}));

/** Linkis' clients may ask for them; there is no Yarn here, and nothing reads them. */
const yarnKeys: readonly KeyRow[] = (
  [
    ['wds.linkis.rm.yarnqueue', 'default'],
    ['wds.linkis.rm.yarnqueue.instance.max', '30'],
    ['wds.linkis.rm.yarnqueue.cores.max', '150'],
    ['wds.linkis.rm.yarnqueue.memory.max', '300G'],
  ] as const
).map(([key, defaultValue]) => ({
  key,
  name: key,
  description: 'Not used: there is no Yarn queue here.',
  tree: 'resources',
  defaultValue,
  isHidden: true,
}));

const engineTypes = [
  {type: 'shell', version: '1', keys: []},
  {type: 'python', version: 'python3', keys: []},
  {type: 'jdbc', version: '4', keys: jdbcKeys},
] as const;

const globalLabel = '*-*,*-*';
const globalCategory = '*-全局设置,*-*';
const creators = ['IDE', 'LINKISCLI'] as const;

export type SeedValue = string | number | null;
export type SeedStatement = {readonly sql: string; readonly values: readonly SeedValue[]};

/** In order; each may be run again. */
export function configurationRows(
  insertOrIgnore: 'insert or ignore' | 'insert ignore',
): readonly SeedStatement[] {
  const labels = [
    globalLabel,
    globalCategory,
    ...creators.map(creator => `*-${creator},*-*`),
    ...engineTypes.map(({type, version}) => `*-*,${type}-${version}`),
    ...creators.flatMap(creator => engineTypes.map(({type, version}) => `*-${creator},${type}-${version}`)),
  ];
  const label = (value: string): SeedStatement => ({
    sql: `${insertOrIgnore} into linkis_cg_manager_label (label_key, label_value, label_feature, label_value_size)
      values ('combined_userCreator_engineType', ?, 'OPTIONAL', 2)`,
    values: [value],
  });
  const category = (value: string, level: number): SeedStatement => ({
    sql: `${insertOrIgnore} into linkis_ps_configuration_category (label_id, level)
      select id, ? from linkis_cg_manager_label
      where label_key = 'combined_userCreator_engineType' and label_value = ?`,
    values: [level, value],
  });
  const key = (row: KeyRow, engineType: string, level: number): SeedStatement => ({
    sql: `${insertOrIgnore} into linkis_ps_configuration_config_key (\`key\`, description, name, default_value,
      validate_type, validate_range, engine_conn_type, is_hidden, is_advanced, level, treeName, boundary_type)
      values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    values: [
      row.key,
      row.description,
      row.name,
      row.defaultValue ?? '',
      row.validateType ?? 'None',
      row.validateRange ?? '',
      engineType,
      row.isHidden === true ? 1 : 0,
      row.isAdvanced === true ? 1 : 0,
      level,
      row.tree,
      row.boundaryType ?? 0,
    ],
  });
  const relations = (engineType: string, labelValue: string): SeedStatement => ({
    sql: `${insertOrIgnore} into linkis_ps_configuration_key_engine_relation (config_key_id, engine_type_label_id)
      select k.id, l.id from linkis_ps_configuration_config_key k, linkis_cg_manager_label l
      where k.engine_conn_type = ? and l.label_key = 'combined_userCreator_engineType' and l.label_value = ?`,
    values: [engineType, labelValue],
  });
  const globalKeys = [...quotaKeys, ...queueKeys, ...engineKeys, ...yarnKeys, ...tenantKeys];
  return [
    ...labels.map(label),
    category(globalCategory, 1),
    ...creators.map(creator => category(`*-${creator},*-*`, 1)),
    ...creators.flatMap(creator =>
      engineTypes.map(({type, version}) => category(`*-${creator},${type}-${version}`, 2)),
    ),
    ...globalKeys.map((row, index) => key(row, '', globalKeys.length - index)),
    ...engineTypes.flatMap(({type, keys}) => {
      const rows = [...keys, ...quotaKeys, ...queueKeys, ...engineKeys];
      return rows.map((row, index) => key(row, type, rows.length - index));
    }),
    relations('', globalLabel),
    ...engineTypes.map(({type, version}) => relations(type, `*-*,${type}-${version}`)),
    {
      sql: `${insertOrIgnore} into tenon_id_block (name, next_id) values ('configuration', 1)`,
      values: [],
    },
  ];
}
