/** How many engines of a type the whole cluster runs, as an operator lists it: `type=number` each. */
export type EngineTypeLimits = Readonly<Record<string, number>>;

const entryForm = /^([a-z][a-z0-9_]{0,31})=(\d{1,6})$/;

/** Types that are not listed have no limit. Each mistake names its entry; the others count. */
export function parseEngineTypeLimits(entries: readonly string[]): {
  readonly limits: EngineTypeLimits;
  readonly mistakes: readonly string[];
} {
  const limits = new Map<string, number>();
  const mistakes: string[] = [];
  for (const entry of entries) {
    const [, type, count] = entryForm.exec(entry.trim()) ?? [];
    if (type === undefined) {
      mistakes.push(
        `${JSON.stringify(entry.slice(0, 200))} must be type=number of engines, such as python=20`,
      );
    } else if (limits.has(type)) {
      mistakes.push(`${JSON.stringify(entry.slice(0, 200))} names the engine type ${type} a second time`);
    } else limits.set(type, Number(count));
  }
  return {limits: Object.fromEntries(limits), mistakes};
}
