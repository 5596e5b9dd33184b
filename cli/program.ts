/** What the command does with its arguments. Loaded by `tenon.ts` once the Node that runs is known to be new enough. */
export async function run([command, ...args]: readonly string[]): Promise<void> {
  if (command !== 'start') throw new Error(`unknown command ${command}`);
  const options: Record<string, unknown> = {};
  for (let at = 0; at < args.length; at += 2) options[(args[at] ?? '').slice(2).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())] = args[at + 1];
  const {runStart} = await import('../main.ts');
  await runStart(options);
}
