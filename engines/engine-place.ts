/**
 * Where an engine is going to live. Its directory gets its name when the first files are in it: whoever looks for engines
 * that nobody has sees either none, or one with an owner.
 */
import {randomUUID} from 'node:crypto';
import {chown, mkdir, readdir, rename, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {removeEngineFiles} from './engine-owner.ts';
import type {OsAccount} from './os-account.ts';

export type EnginePlace = {
  readonly path: string;
  /** In the same folder, not there yet, and under a name that no engine has. */
  readonly draft: string;
  /** What is in it from the beginning, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** What is in it when its engine can be attached. */
  readonly laterFiles: Readonly<Record<string, string>>;
};

const draftPrefix = '.new-';

export const enginePlace = (
  enginesDirectory: string,
  engineId: string,
  files: Pick<EnginePlace, 'files' | 'laterFiles'>,
): EnginePlace => ({
  path: join(enginesDirectory, engineId),
  draft: join(enginesDirectory, `${draftPrefix}${randomUUID()}`),
  ...files,
});

/** False: there is an engine of that name, or no room. (A host that is forked does this itself, see `fork_server.py`.) */
export async function makePlace(
  {path, draft, files, laterFiles}: EnginePlace,
  account: OsAccount | undefined,
): Promise<boolean> {
  try {
    await mkdir(draft, {mode: 0o700});
    await Promise.all(
      Object.entries({...files, ...laterFiles}).map(([name, text]) =>
        writeFile(join(draft, name), text, {mode: 0o600}),
      ),
    );
    if (account !== undefined) await chown(draft, account.uid, account.gid);
    await rename(draft, path);
    return true;
  } catch {
    await removeEngineFiles(draft);
    return false;
  }
}

/** What launches that were cut short left. Only for whoever alone launches engines here. */
export async function removeDrafts(enginesDirectory: string): Promise<void> {
  const names = await readdir(enginesDirectory);
  const drafts = names.filter(name => name.startsWith(draftPrefix));
  await Promise.all(drafts.map(name => removeEngineFiles(join(enginesDirectory, name))));
}
