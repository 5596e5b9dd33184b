/** Several processes that open one database at the same time. */
import {spawn} from 'node:child_process';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';

const program = fileURLToPath(new URL('./fixtures/opener.ts', import.meta.url));

/** Each process's first id. Rejects with what a process that failed has said. */
export function openInProcesses(
  processes: number,
  url: string,
  dataDirectory: string,
  jobs: number,
): Promise<number[]> {
  return Promise.all(
    Array.from({length: processes}, async () => {
      const child = spawn(process.execPath, [program, url, dataDirectory, String(jobs)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const exited = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)));
      const [code, out, error] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
      if (code !== 0) throw new Error(`A process ended with ${code}:\n${error}`);
      return Number(out.trim());
    }),
  );
}
