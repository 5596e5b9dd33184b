/** What the streams may take. Every limit has a stated behaviour where it is enforced. */
import type {SettingGroup, SettingValues} from '../../actors/domain/setting.ts';

const kilobyte = 1024;
const megabyte = 1024 * kilobyte;

export const streamSettings = {
  clientFrameBytesMax: {
    type: 'integer',
    default: 64 * kilobyte,
    min: kilobyte,
    max: 16 * megabyte,
    unit: 'bytes',
    description:
      "A client's frame; a longer one closes its socket with 1009. Too small: long scripts can't be run over Linkis' socket.",
  },
  frameBytesMax: {
    type: 'integer',
    default: 256 * kilobyte,
    min: 4 * kilobyte,
    max: 16 * megabyte,
    unit: 'bytes',
    description: 'A frame of ours; a log line that is longer goes as one message in several frames.',
  },
  subscriptionsPerSocketMax: {
    type: 'integer',
    default: 1000,
    min: 1,
    max: 100_000,
    unit: 'jobs',
    description: 'Jobs followed on one socket; more are answered with an error frame.',
  },
  socketsPerUserMax: {
    type: 'integer',
    default: 256,
    min: 1,
    max: 100_000,
    unit: 'sockets',
    description:
      'Sockets of one user on this node; more are refused with 429. Too large: one user can take them all.',
  },
  socketsMax: {
    type: 'integer',
    default: 10_000,
    min: 1,
    max: 100_000,
    unit: 'sockets',
    description: 'Sockets of this node; more are refused with 503. Keep it below the limit of open files.',
  },
  pendingRequestsMax: {
    type: 'integer',
    default: 64,
    min: 1,
    max: 10_000,
    unit: 'frames',
    description:
      "A client's frames that wait for their answers; beyond, its socket is not read until some are answered.",
  },
  unreadBytesMax: {
    type: 'integer',
    default: 128 * megabyte,
    min: megabyte,
    max: 16 * 1024 * megabyte,
    unit: 'bytes',
    description:
      'What may wait for the readers of all sockets together. Each socket gets its share, within the next two settings,' +
      ' and beyond it nothing until it was read. Too small: readers on slow lines get it in small pieces.',
  },
  unreadBytesPerSocketMin: {
    type: 'integer',
    default: 128 * kilobyte,
    min: kilobyte,
    max: 64 * megabyte,
    unit: 'bytes',
    description:
      'The least share of a socket, however many there are: the memory that each may take at worst.',
  },
  unreadBytesPerSocketMax: {
    type: 'integer',
    default: megabyte,
    min: kilobyte,
    max: 256 * megabyte,
    unit: 'bytes',
    description: 'The largest share of a socket, however few there are.',
  },
  slowReaderMs: {
    type: 'duration',
    default: 30_000,
    min: 100,
    max: 3_600_000,
    description: 'A reader that has its share waiting and takes nothing of it for this long is cut (4408).',
  },
  closeGraceMs: {
    type: 'duration',
    default: 5000,
    min: 10,
    max: 60_000,
    description: 'How long a socket that we close may still take what it was sent before.',
  },
  pingMs: {
    type: 'duration',
    default: 30_000,
    min: 100,
    max: 600_000,
    description:
      'Between pings. A peer that gives no sign of life for one and a half of it after a ping is let go. Keep it below the idle time of proxies.',
  },
  reauthenticateMs: {
    type: 'duration',
    default: 500,
    min: 10,
    max: 600_000,
    description:
      'How often the session or token of open sockets is checked; once it is not valid they are closed (4401).',
  },
  authenticationMs: {
    type: 'duration',
    default: 10_000,
    min: 10,
    max: 600_000,
    description: 'How long the check of a caller may take before the socket is refused with 503.',
  },
  readsMax: {
    type: 'integer',
    default: 8,
    min: 1,
    max: 1000,
    unit: 'reads',
    description: 'Pieces of logs that are read for streams at one time.',
  },
  readBytesMax: {
    type: 'integer',
    default: 128 * kilobyte,
    min: kilobyte,
    max: 8 * megabyte,
    unit: 'bytes',
    description: 'Size of these pieces. Half of frameBytesMax fits most logs into one frame each.',
  },
  cacheBytesMax: {
    type: 'integer',
    default: 8 * megabyte,
    min: 0,
    max: 1024 * megabyte,
    unit: 'bytes',
    description:
      'Pieces kept for readers that follow closely on each other. 0: each reader reads for itself.',
  },
} satisfies SettingGroup;

export type StreamSettings = SettingValues<typeof streamSettings>;
