/** The facade's settings. `config.ts` joins them with the other floors'; the code below receives only their values. */
import type {SettingGroup, SettingValues} from '../actors/domain/setting.ts';

export const httpSettings = {
  host: {
    type: 'string',
    default: '127.0.0.1',
    description:
      'Address the facade listens on. 0.0.0.0 opens it to the network: then set TLS, or put a proxy with TLS in front.',
  },
  port: {
    type: 'integer',
    default: 9001,
    min: 0,
    max: 65_535,
    description: 'Port of the facade. 0 takes any free one; the ready line says which.',
  },
  tlsCertFile: {
    type: 'string',
    default: '',
    description:
      'PEM file with the certificate chain. With tlsKeyFile it turns HTTPS on; empty is plain HTTP.',
  },
  tlsKeyFile: {type: 'string', default: '', description: 'PEM file with the private key of tlsCertFile.'},
  trustedProxies: {
    type: 'list',
    default: [],
    max: 64,
    description:
      'Addresses or CIDR ranges of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Too few: all' +
      ' clients share one login limit. Too many: a client can claim any address, and so pass legal_hosts of a token.',
  },
  corsOrigins: {
    type: 'list',
    default: [],
    max: 64,
    description:
      'Origins (https://console.example.com) whose pages may call the API with the session cookie. Empty: only our own.',
  },
  bodyBytesMax: {
    type: 'integer',
    default: 5 * 1024 * 1024,
    min: 1024,
    max: 256 * 1024 * 1024,
    unit: 'bytes',
    description:
      'Largest request body. Too small: long scripts are refused. Too large: a few clients can fill the memory.',
  },
  auditSubmissions: {
    type: 'boolean',
    default: true,
    description:
      'Whether submissions stand in the audit (tenon audit). Who submitted what is in the history anyway: false saves a' +
      ' row for each job.',
  },
  headerBytesMax: {
    type: 'integer',
    default: 16 * 1024,
    min: 4096,
    max: 256 * 1024,
    unit: 'bytes',
    description: 'Largest request head, URL included. Too small: long file paths in queries get 431.',
  },
  headersTimeoutMs: {
    type: 'duration',
    default: 10_000,
    min: 500,
    max: 120_000,
    description:
      'Within this time the request head must be here. Too large: slow clients hold connections for nothing.',
  },
  requestTimeoutMs: {
    type: 'duration',
    default: 60_000,
    min: 1000,
    max: 3_600_000,
    description:
      'Within this time the whole request must be here. Too small: large bodies over slow lines are cut off.',
  },
  keepAliveMs: {
    type: 'duration',
    default: 65_000,
    min: 1000,
    max: 3_600_000,
    description:
      'How long an idle connection stays open. Keep it above the idle time of a load balancer in front, or its requests race the close.',
  },
  connectionsMax: {
    type: 'integer',
    default: 10_000,
    min: 10,
    max: 1_000_000,
    unit: 'connections',
    description:
      'Open connections beyond which new ones are closed at once. Keep it below the limit of open files.',
  },
  sessionTimeoutMs: {
    type: 'duration',
    default: 3_600_000,
    min: 1000,
    max: 30 * 86_400_000,
    description: 'A session not used for this long ends. Refreshed after half of it.',
  },
  sessionSweepMs: {
    type: 'duration',
    default: 300_000,
    min: 1000,
    max: 86_400_000,
    description: 'How often ended sessions are removed from the database.',
  },
  identityCacheMs: {
    type: 'duration',
    default: 800,
    min: 0,
    max: 1000,
    description:
      'How long a session or token counts as good without asking the database. At most 1 s: that is the promise about revoked ones.',
  },
  identityGraceMs: {
    type: 'duration',
    default: 60_000,
    min: 0,
    max: 600_000,
    description:
      'While the database is away, people seen within this time stay logged in. Too small: nobody can follow running jobs during an outage. Too large: who was revoked just before it stays in.',
  },
  identitiesMax: {
    type: 'integer',
    default: 10_000,
    min: 100,
    max: 1_000_000,
    unit: 'sessions and tokens',
    description: 'How many are remembered for identityCacheMs; beyond, the oldest are asked for again.',
  },
  tokenAuthentication: {
    type: 'boolean',
    default: true,
    description: 'Whether the headers Token-Code and Token-User log in.',
  },
  loginEncryption: {
    type: 'boolean',
    default: true,
    description:
      'Whether user/publicKey offers an RSA key for passwords. Plain ones stay accepted; it is no replacement for TLS.',
  },
  loginFailuresPerUserMax: {
    type: 'integer',
    default: 10,
    min: 1,
    max: 10_000,
    unit: 'failures',
    description:
      'Wrong passwords for one name within loginWindowMs, after which the name is refused from addresses it never logged in from.',
  },
  loginFailuresPerAddressMax: {
    type: 'integer',
    default: 30,
    min: 1,
    max: 100_000,
    unit: 'failures',
    description:
      'Wrong passwords from one address within loginWindowMs. Too small: people behind one proxy lock each other out (see trustedProxies).',
  },
  loginWindowMs: {
    type: 'duration',
    default: 60_000,
    min: 1000,
    max: 86_400_000,
    description: 'The window in which wrong passwords are counted.',
  },
  loginsAtOnceMax: {
    type: 'integer',
    default: 2,
    min: 1,
    max: 64,
    unit: 'checks',
    description: 'Password checks at one time; each takes a thread and some 16 to 64 MB for a moment.',
  },
  loginsWaitingMax: {
    type: 'integer',
    default: 64,
    min: 0,
    max: 10_000,
    unit: 'logins',
    description:
      'Logins waiting for their check. Beyond, they are refused at once: clients give up after 5 s anyway.',
  },
  logPollHoldMs: {
    type: 'duration',
    default: 5000,
    min: 0,
    max: 25_000,
    description:
      'How long a log poll with nothing new is held until a line comes or the job ends. linkis-cli stops printing the log' +
      ' when a poll brings nothing, so 0 loses it; above 25 s clients with a 30 s timeout give up.',
  },
  logPollsHeldMax: {
    type: 'integer',
    default: 2000,
    min: 0,
    max: 100_000,
    unit: 'requests',
    description: 'Log polls held at one time; beyond, they are answered at once.',
  },
  logBytesMax: {
    type: 'integer',
    default: 1024 * 1024,
    min: 64 * 1024,
    max: 64 * 1024 * 1024,
    unit: 'bytes',
    description: 'Log text in one answer of entrance/{id}/log; the rest comes with the next poll.',
  },
  listPageSizeMax: {
    type: 'integer',
    default: 1000,
    min: 20,
    max: 10_000,
    unit: 'rows',
    description: 'Largest page of jobhistory/list; larger ones are cut to it.',
  },
  slowRequestMs: {
    type: 'duration',
    default: 10_000,
    min: 1,
    max: 600_000,
    description: 'Requests that take longer are logged.',
  },
  requestLogEvery: {
    type: 'integer',
    default: 100,
    min: 0,
    max: 1_000_000,
    unit: 'requests',
    description:
      'One of so many ordinary requests is logged; failures and slow ones always are. 0 logs no ordinary one.',
  },
  metricsNeedLogin: {
    type: 'boolean',
    default: false,
    description:
      'Whether /metrics asks for a login or token. Group names in it hold user names; turn it on where those are nobody else’s business.',
  },
  clusterName: {
    type: 'string',
    default: 'Tenon',
    description: 'Shown by user/baseinfo, and so in the console.',
  },
} satisfies SettingGroup;

export type HttpSettings = SettingValues<typeof httpSettings>;
