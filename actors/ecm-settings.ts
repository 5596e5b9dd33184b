/** Settings of the ECM: what its host gives to engines, and when it starts no more of them. Printed into `docs/configuration.md`. */
import type {SettingGroup, SettingValues} from './domain/setting.ts';
import type {EcmLimits} from './ecm-messages.ts';

export const ecmSettings = {
  memoryBytesMax: {
    type: 'integer',
    default: 0,
    min: 0,
    max: 1_125_899_906_842_624,
    unit: 'bytes',
    description:
      'Memory that engines of this node may have reserved together. 0: 90 % of what the host, or its container, has.' +
      ' Linkis: wds.linkis.ecm.memory.max.',
  },
  coresMax: {
    type: 'integer',
    default: 100,
    min: 1,
    max: 100_000,
    unit: 'cores',
    description:
      'Cores that engines of this node may have reserved together. Linkis: wds.linkis.ecm.cores.max.',
  },
  protectedMemoryBytes: {
    type: 'integer',
    default: 0,
    min: 0,
    max: 1_125_899_906_842_624,
    unit: 'bytes',
    description:
      'With less memory free than this no engine is started, so that those that run are not ended for want of it.' +
      ' 0: 5 % of what the host, or its container, has. Linkis: wds.linkis.ecm.protected.memory.',
  },
  cpuProtectedPercent: {
    type: 'integer',
    default: 98,
    min: 1,
    max: 100,
    unit: 'percent',
    description:
      'Processors busier than this for 10 s are told as WARN, and as StockAvailable where refusesWhenBusy is set.' +
      ' Linkis: wds.linkis.ecm.protected.cpu.load.',
  },
  refusesWhenBusy: {
    type: 'boolean',
    default: false,
    description:
      'Whether no engine is started while the processors are busier than cpuProtectedPercent. Processors can be shared:' +
      ' with this, a few jobs that compute all the time keep everybody else out. Linkis:' +
      ' wds.linkis.ecm.protected.load.enabled.',
  },
  diskFreeBytesMin: {
    type: 'integer',
    default: 268_435_456,
    min: 0,
    max: 1_125_899_906_842_624,
    unit: 'bytes',
    description:
      'With less room than this where engines keep their files no engine is started: it could not record what its jobs do.',
  },
  measureEveryMs: {
    type: 'duration',
    default: 2000,
    min: 200,
    max: 60_000,
    description:
      'How often the host, and the processes of its engines, are looked at. A look at 50 engines takes about 5 ms, and all' +
      ' of them at most 2 % of the time.',
  },
} as const satisfies SettingGroup;

export const ecmLimitsOf = ({
  cpuProtectedPercent,
  memoryBytesMax,
  coresMax,
  protectedMemoryBytes,
  diskFreeBytesMin,
  refusesWhenBusy,
}: SettingValues<typeof ecmSettings>): EcmLimits => ({
  memoryBytesMax,
  coresMax,
  protectedMemoryBytes,
  diskFreeBytesMin,
  refusesWhenBusy,
  cpuProtectedShare: cpuProtectedPercent / 100,
});
