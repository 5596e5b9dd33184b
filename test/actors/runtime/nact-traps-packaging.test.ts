/** nact's traps T1–T11 (timers, names, types, packaging) and C11, each shown closed, or banned by reading the sources. */
import {spawn as startProcess} from 'node:child_process';
import {once} from 'node:events';
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {systemClock} from '../../../actors/runtime/clock.ts';
import type {Ref} from '../../../actors/runtime/ref.ts';
import {manualClock} from '../../support/manual-clock.ts';
import {probe} from '../../support/probe.ts';
import {collector, handler, testSystem, turns} from './harness.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const sourceFolders = ['actors', 'cluster', 'persistence', 'http', 'engines', 'cli'];

/** Every source file by its path below the project root. */
async function sources(): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const folder of sourceFolders) {
    const names = await readdir(join(root, folder), {recursive: true}).catch(() => []);
    for (const name of names.filter(found => found.endsWith('.ts'))) {
      const path = join(folder, name);
      texts.set(path, await readFile(join(root, path), 'utf8'));
    }
  }
  return texts;
}

test('T1: a timer of 30 days does not fire at once', async t => {
  const cancel = systemClock.after(30 * 24 * 3600 * 1000, () => t.fail('it fired'));
  await new Promise(resolve => {
    setTimeout(resolve, 30);
  });
  cancel();
  t.pass();
});

test('T2: setting a timer again replaces it, also when the old one has just fired', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const seen: string[] = [];
  const ref = system.spawn(
    'job',
    handler<string>((message, {setTimer, cancelTimer}) => {
      seen.push(message);
      if (message === 'set') setTimer('idle', 200, 'idle');
      if (message === 'cancel') cancelTimer('idle');
    }),
    {isControl: (message: string) => message !== 'idle'},
  );
  for (let round = 0; round < 20; round += 1) {
    ref.tell('set');
    await turns(2);
    clock.advance(25);
  }
  t.false(seen.includes('idle'));
  ref.tell('set');
  clock.advance(175);
  await turns(2);
  t.false(seen.includes('idle'), 'the old one fired, but was replaced before it was handled');
  ref.tell('cancel');
  clock.advance(500);
  await turns(2);
  t.false(seen.includes('idle'));
  ref.tell('set');
  await turns(2);
  clock.advance(200);
  await turns(2);
  t.is(seen.filter(message => message === 'idle').length, 1);
});

test('T3: a stopped system leaves no timer behind, so the process can end', async t => {
  const script = `
    import {startActorSystem} from './actors/runtime/system.ts';
    import {systemClock} from './actors/runtime/clock.ts';
    import {systemRandom} from './actors/runtime/random.ts';
    const log = {warn() {}, error() {}};
    const system = startActorSystem({name: 'test', clock: systemClock, random: systemRandom, log});
    const ref = system.spawn('job', {
      initial: 0,
      decide: state => ({state, effects: ['set']}),
      perform: (effect, {setTimer}) => setTimer('far', 3600_000, 'far'),
    });
    ref.tell('go');
    system.ask(ref, () => 'question', 3600_000).catch(() => {});
    setTimeout(() => system.shutdown(1000), 20);
  `;
  const child = startProcess(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    stdio: 'ignore',
    timeout: 20_000,
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  t.is(code, 0);
});

test('T4: any text but an empty one is a name', async t => {
  const {system} = testSystem(t);
  const paths = ['host:9101', 'a/b', 'job 1', 'a@b', 'a=b', 'ünï', 'a~b', '100%', 'a\n', '🙂'].map(
    name => system.spawn(name, collector<string>([])).path,
  );
  t.deepEqual(paths, [
    '/host:9101',
    '/a%2Fb',
    '/job%201',
    '/a@b',
    '/a=b',
    '/ünï',
    '/a~b',
    '/100%25',
    '/a%0A',
    '/🙂',
  ]);
  t.throws(() => system.spawn('', collector<string>([])), {instanceOf: RangeError});
});

test('T5: ids are counted, so 20,000 actors of one name never collide', t => {
  const {system} = testSystem(t);
  const group = system.group('jobs');
  const uids = Array.from({length: 20_000}, () => group.spawn('same', collector<string>([])).uid);
  t.is(new Set(uids).size, 20_000);
});

test('T6: bad options are refused before anything exists', t => {
  const {system} = testSystem(t);
  for (const mailboxMax of [0, -1, 1.5, Number.NaN]) {
    t.throws(() => system.spawn('job', collector<string>([]), {mailboxMax}), {instanceOf: RangeError});
  }
  t.is(system.metrics().actorsAlive, 0);
  t.is(system.spawn('job', collector<string>([])).path, '/job');
});

test('T7, T8, T9, T11, C11: one file imports nact, and only what its traps do not touch', async t => {
  const importing: string[] = [];
  for (const [path, text] of await sources()) {
    if (/(?:from|import|require)\s*\(?\s*['"]nact/.test(text)) importing.push(path);
  }
  t.deepEqual(importing, ['actors/runtime/nact-host.ts']);
  const text = await readFile(join(root, 'actors/runtime/nact-host.ts'), 'utf8');
  const imported = /import \{([^}]*)\} from 'nact';/.exec(text)?.[1] ?? '';
  const values = imported.split(',').map(name => name.trim());
  t.deepEqual(
    values.filter(name => name !== '' && !name.startsWith('type ')),
    ['dispatch', 'spawn', 'start', 'stop'],
  );
  t.regex(text, /startNamed\(\{name:/, 'a name given as a string would be ignored');
});

test('C2–C8, S6, S7, T1, T2: the ways into those traps are not in the sources', async t => {
  const banned =
    /\b(?:afterStop|shutdownAfter|initialStateFunc|spawnStateless|spawnPersistent|configurePersistence|persistentQuery|resetAll|resetChild|resetAllChildren|stopAllChildren|escalate)\b\s*[(:,]|\.(?:resume|reset|query)\b/;
  const text = await readFile(join(root, 'actors/runtime/nact-host.ts'), 'utf8');
  t.notRegex(text, banned);
  t.regex(text, /onCrash: stopOnFault/);
});

test('T10: a ref takes only its own messages, and nothing else passes for a ref', t => {
  const {ref: strings} = probe<string>();
  const {ref: either} = probe<string | number>();
  const narrowed: Ref<string> = either;
  // @ts-expect-error -- would let a number reach an actor of strings
  const widened: Ref<string | number> = strings;
  // @ts-expect-error -- a wrong message for a known ref
  const wrongMessage = (): boolean => strings.tell(7);
  // @ts-expect-error -- an empty object is no ref
  const empty: Ref<string> = {};
  // @ts-expect-error -- nor is a text
  const text: Ref<string> = '/job';
  // @ts-expect-error -- nor a ref of another protocol
  const other: Ref<boolean> = strings;
  t.is(narrowed, either);
  t.is([widened, wrongMessage, empty, text, other].length, 5);
});
