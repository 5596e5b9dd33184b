/** Accounts of the operating system, from wherever it has them (files, LDAP): Python asks, since Node has no call for it. */
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';

const run = promisify(execFile);
const timeoutMs = 20_000;

export type OsAccount = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
};

// Some directories find names without regard to case; those are other users here.
const question = `import json, pwd, sys
try:
    found = pwd.getpwnam(sys.argv[1])
except KeyError:
    found = None
same = found is not None and found.pw_name == sys.argv[1]
print(json.dumps({"name": found.pw_name, "uid": found.pw_uid, "gid": found.pw_gid, "home": found.pw_dir} if same else None))
`;

/** Undefined if there is none of exactly that name. Rejects when the system can't be asked. */
export async function findAccount(pythonPath: string, name: string): Promise<OsAccount | undefined> {
  if (name === '' || name.includes('\0')) return undefined;
  const {stdout} = await run(pythonPath, ['-I', '-S', '-c', question, name], {env: {}, timeout: timeoutMs});
  const value: unknown = JSON.parse(stdout);
  if (typeof value !== 'object' || value === null) return undefined;
  const {uid, gid, home}: Record<string, unknown> = {...value};
  if (typeof uid !== 'number' || typeof gid !== 'number' || typeof home !== 'string') {
    throw new Error(`an account without uid, gid or home: ${stdout.trim()}`);
  }
  return {name, uid, gid, home};
}
