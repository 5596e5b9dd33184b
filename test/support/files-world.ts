/** A facade with the filesystem routes over played jobs: real logs and result files in a directory of the test. */
import {randomBytes} from 'node:crypto';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {defaultsOf} from '../../actors/domain/setting.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {createAudit} from '../../http/audit.ts';
import {createFacade, type Facade} from '../../http/facade.ts';
import type {WhyRemoved} from '../../http/files/file-access.ts';
import {fileRoutes} from '../../http/files/file-routes.ts';
import {httpSettings} from '../../http/settings.ts';
import {createJobFiles} from '../../persistence/files/job-files.ts';
import {createFakeAccounts, verifyFakePassword} from './fake-accounts.ts';
import {createFakeGovernance} from './fake-governance.ts';
import {createLogGovernance, type LogGovernance} from './log-governance.ts';

export type FilesWorld = LogGovernance & {
  readonly facade: Facade;
  readonly stop: () => Promise<void>;
  readonly url: string;
  readonly logged: Record<string, unknown>[];
  /** A call of `filesystem/…` by a user, with the prefix that clients use. */
  readonly get: (user: string, call: string, query?: Record<string, string>) => Promise<Response>;
  /** The same, as an envelope. */
  readonly ask: (user: string, call: string, query?: Record<string, string>) => Promise<FilesAnswer>;
  readonly post: (user: string, call: string, body: unknown) => Promise<Response>;
};

export type FilesAnswer = {
  readonly httpStatus: number;
  readonly method: string;
  readonly status: number;
  readonly message: string;
  // Tests look into answers of any shape.
  readonly data: Record<string, unknown>;
};

/** `root` administers. */
export async function startFiles(t: ExecutionContext, limits: FilesLimits = {}): Promise<FilesWorld> {
  const world = await createFilesWorld(limits);
  t.teardown(world.stop);
  return world;
}

export type FilesLimits = {
  readonly textBytesMax?: number;
  readonly pageBytesMax?: number;
  readonly whyRemoved?: WhyRemoved;
};

/** The same for what is no test; `stop` ends it. */
export async function createFilesWorld(limits: FilesLimits = {}): Promise<FilesWorld> {
  const played = await createLogGovernance();
  const accounts = createFakeAccounts();
  for (const name of ['ann', 'bob', 'root']) {
    // oxlint-disable-next-line no-await-in-loop
    await accounts.putUser({name, isAdmin: name === 'root', tenant: '', passwordHash: ''});
  }
  await accounts.addToken('T', {
    isAdmin: false,
    legalUsers: ['*'],
    legalHosts: ['*'],
    businessOwner: '',
    createTime: 0,
    elapseDay: -1,
  });
  const logged: Record<string, unknown>[] = [];
  const log = pino({}, {write: line => logged.push(JSON.parse(line) as Record<string, unknown>)});
  const facade = await createFacade(
    {
      governance: played.governance,
      jobs: createFakeGovernance(systemClock.now).jobs,
      accounts,
      clock: systemClock,
      randomBytes,
      verifyPassword: verifyFakePassword,
      log,
      instance: {host: 'gw.example.com', port: 9001},
      engineTypes: ['shell'],
      metrics: [],
    },
    {...defaultsOf(httpSettings), port: 0},
  );
  const {directory, governance} = played;
  const {textBytesMax, pageBytesMax, whyRemoved} = limits;
  await facade.register(fileRoutes, {
    governance,
    files: createJobFiles({directory, ...(pageBytesMax !== undefined && {pageBytesMax})}),
    audit: createAudit(log, systemClock),
    directory,
    ...(textBytesMax !== undefined && {textBytesMax}),
    ...(whyRemoved !== undefined && {whyRemoved}),
  });
  const {url} = await facade.listen();
  // oxlint-disable-next-line consistent-function-scoping
  const headers = (user: string): Record<string, string> => ({'token-user': user, 'token-code': 'T'});
  const get = async (user: string, call: string, query: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/api/rest_j/v1/filesystem/${call}?${new URLSearchParams(query).toString()}`, {
      headers: headers(user),
    });
  return {
    ...played,
    facade,
    async stop() {
      await facade.close(100);
      await played.close();
    },
    url,
    logged,
    get,
    async ask(user, call, query) {
      const response = await get(user, call, query);
      return {httpStatus: response.status, ...((await response.json()) as Omit<FilesAnswer, 'httpStatus'>)};
    },
    post: async (user, call, body) =>
      fetch(`${url}/api/rest_j/v1/filesystem/${call}`, {
        method: 'POST',
        headers: {...headers(user), 'content-type': 'application/json'},
        body: JSON.stringify(body),
      }),
  };
}
