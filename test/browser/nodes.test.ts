/** The section "Nodes" of the page in a real browser: over a facade whose nodes the test moves, and over a real cluster. */
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import type {Browser, Page} from 'playwright-core';
import type {NodeView} from '../../actors/cluster-view.ts';
import {NodeUnreachableError} from '../../actors/cluster-view.ts';
import type {LoadedNodeView} from '../../node-loads.ts';
import {startClusterProcesses} from '../support/cluster-processes.ts';
import {startFacade} from '../support/facade-world.ts';
import {launchBrowser, logIn, openPage} from '../support/page-browser.ts';

const test = anyTest as TestFn<{browser: Browser}>;
test.before(async t => {
  t.context.browser = await launchBrowser();
});
test.after.always(t => t.context.browser?.close());

const up: NonNullable<NodeView['link']> = {state: 'up', rttMs: 1.25, bytesIn: 1, bytesOut: 2, queued: 0};
const node = (instance: string, changes: Partial<LoadedNodeView> = {}): LoadedNodeView => ({
  instance,
  incarnation: 'x',
  state: 'up',
  roles: ['entrance', 'ecm'],
  labels: {},
  isOffline: false,
  isSelf: false,
  isReachable: true,
  isManager: false,
  url: null,
  pid: 1,
  dataDirectory: '/data',
  link: up,
  jobs: {running: 0, queued: 0},
  ...changes,
});
const self = node('gw.example.com:9002', {isSelf: true, roles: ['gateway'], link: null, jobs: null});

type Shown = {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly drained: string[];
  nodes: readonly LoadedNodeView[];
  asked: number;
};

/** Logged in, with these nodes. */
async function show(
  t: ExecutionContext<{browser: Browser}>,
  nodes: readonly LoadedNodeView[],
  name = 'root',
): Promise<Shown> {
  const {page, complaints} = await openPage(t, t.context.browser);
  const shown: Shown = {page, complaints, drained: [], nodes, asked: 0};
  const world = await startFacade(t, {}, undefined, {
    cluster: {
      nodes() {
        shown.asked += 1;
        return shown.nodes;
      },
      async drain(instance) {
        if (instance.startsWith('lost')) throw new NodeUnreachableError(instance, ['a:1']);
        shown.drained.push(instance);
        shown.nodes = shown.nodes.map(each =>
          each.instance === instance ? {...each, state: 'leaving'} : each,
        );
      },
    },
  });
  await logIn(page, world.url, name, `pw-${name}`);
  return shown;
}

/** The visible words of each row. */
const rowsOf = (page: Page): Promise<string[]> =>
  page
    .locator('#nodes li')
    .evaluateAll(rows => rows.map(row => row.innerText.replaceAll(/\s+/g, ' ').trim()));

const row = (page: Page, instance: string) => page.locator('#nodes li', {hasText: instance});

test('each node is a row: state, name, roles, labels, jobs, link, and what can be done with it', async t => {
  const {page, complaints} = await show(t, [
    self,
    node('a:1', {url: 'http://0.0.0.0:9001/', labels: {route: 'et1', offline: 'true'}, isOffline: true}),
    node('b:1', {state: 'joining', jobs: {running: 2, queued: 31}}),
    node('c:1', {isReachable: false, link: {...up, state: 'suspect'}, jobs: null}),
    node('d:1', {roles: ['ecm'], link: {...up, rttMs: 41.6}, jobs: null}),
  ]);
  await page.waitForSelector('#nodes:not([hidden])');
  t.deepEqual(await rowsOf(page), [
    'up gw.example.com:9002 gateway this node Drain…',
    'offline a:1 entrance · ecm route=et1 idle ↔ 1.3 ms open ↗ Back online Drain…',
    'joining b:1 entrance · ecm 2 running, 31 queued ↔ 1.3 ms Take offline Drain…',
    'unreachable c:1 entrance · ecm link suspect Take offline Drain…',
    'up d:1 ecm ↔ 42 ms Drain…',
  ]);
  t.is(await page.locator('#nodes .summary').innerText(), '2 up, 1 offline, 1 joining, 1 unreachable');
  // One that listens everywhere is found at its own name.
  t.is(await row(page, 'a:1').locator('a').getAttribute('href'), 'http://a:9001/');
  const colours = await page.evaluate<string[]>(
    "[...document.querySelectorAll('#nodes .status')].map(each => getComputedStyle(each).color)",
  );
  t.is(new Set(colours).size, 4);
  t.deepEqual(complaints, []);
});

test('who is no administrator sees no nodes, and does not ask again and again', async t => {
  const shown = await show(t, [self, node('a:1')], 'alice');
  await shown.page.waitForTimeout(4000);
  t.true(await shown.page.locator('#nodes').isHidden());
  t.is(shown.asked, 0);
  t.deepEqual(shown.complaints, []);
});

test('an administrator who logs out takes the nodes along', async t => {
  const {page} = await show(t, [self, node('a:1')]);
  await page.waitForSelector('#nodes:not([hidden])');
  await page.click('#logout');
  await page.waitForSelector('#door:not([hidden])');
  t.is(await page.locator('#nodes li').count(), 0);
  await page.fill('#login [name=userName]', 'bob');
  await page.fill('#login [name=password]', 'pw-bob');
  await page.click('#login button');
  await page.waitForSelector('#room:not([hidden])');
  await page.waitForTimeout(500);
  t.true(await page.locator('#nodes').isHidden());
});

test('a node that stands alone is one calm line', async t => {
  const alone = node('host:9001', {isSelf: true, link: null, url: 'http://host:9001'});
  const {page} = await show(t, [alone]);
  await page.waitForSelector('#nodes:not([hidden])');
  t.deepEqual(await rowsOf(page), ['up host:9001 entrance · ecm idle']);
  t.true(await page.locator('#nodes summary').isHidden());
});

test('rows follow the nodes, and a button stays the same one under the pointer', async t => {
  const shown = await show(t, [self, node('b:1')]);
  const {page} = shown;
  await page.waitForSelector('#nodes:not([hidden])');
  const button = await row(page, 'b:1').locator('.drain').elementHandle();
  shown.nodes = [node('a:1'), node('b:1', {state: 'leaving'})];
  await row(page, 'a:1').waitFor({timeout: 8000});
  t.deepEqual(
    (await rowsOf(page)).map(text => text.split(' ', 2).join(' ')),
    ['up a:1', 'leaving b:1'],
  );
  t.true(await button?.evaluate(element => element.isConnected));
  t.true(await row(page, 'b:1').locator('.drain').isDisabled());
});

test('what the server says of a node is text, never HTML', async t => {
  const {page, complaints} = await show(t, [
    self,
    node('a:1', {labels: {route: '<img src=x onerror=alert(1)>'}, url: 'javascript:alert(1)'}),
  ]);
  await page.waitForSelector('#nodes:not([hidden])');
  t.is(await page.locator('#nodes img').count(), 0);
  t.is(await row(page, 'a:1').locator('.chip').innerText(), 'route=<img src=x onerror=alert(1)>');
  t.true(await row(page, 'a:1').locator('a').isHidden());
  t.deepEqual(complaints, []);
});

test('draining asks first; Escape and Cancel leave the node alone', async t => {
  const shown = await show(t, [self, node('a:1')]);
  const {page, drained} = shown;
  await row(page, 'a:1').locator('.drain').click();
  t.is(await page.locator('#nodes dialog h3').innerText(), 'Drain a:1?');
  await page.keyboard.press('Escape');
  await row(page, 'a:1').locator('.drain').click();
  // What Enter would press.
  t.is(await page.evaluate('document.activeElement.textContent'), 'Cancel');
  await page.locator('#nodes dialog').getByText('Cancel').click();
  t.deepEqual(drained, []);
  await row(page, 'a:1').locator('.drain').click();
  await page.locator('#nodes dialog button.danger').click();
  await page.locator('#nodes li.leaving').waitFor({timeout: 2000});
  t.deepEqual(drained, ['a:1']);
});

test('what could not be done is said, and stays to be read', async t => {
  const {page} = await show(t, [self, node('lost:1')]);
  await row(page, 'lost:1').locator('.drain').click();
  await page.locator('#nodes dialog button.danger').click();
  const problem = page.locator('#nodes .problem', {hasText: "lost:1 can't be reached from this node"});
  await problem.waitFor({timeout: 5000});
  await page.waitForTimeout(3500);
  t.true(await problem.isVisible());
});

test('on a narrow screen nothing is wider than the screen', async t => {
  const {page} = await show(t, [
    self,
    node('a-rather-long-name-of-a-node.in-a-namespace.svc.cluster.local:9002', {
      roles: ['gateway', 'entrance', 'manager', 'ecm', 'jobhistory'],
      labels: {route: 'a-label-of-some-length', zone: 'eu-central'},
      jobs: {running: 120, queued: 99_999},
    }),
  ]);
  await page.waitForSelector('#nodes:not([hidden])');
  for (const width of [390, 800, 1280]) {
    // oxlint-disable-next-line no-await-in-loop
    await page.setViewportSize({width, height: 800});
    // oxlint-disable-next-line no-await-in-loop
    t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'), `${width}`);
    // oxlint-disable-next-line no-await-in-loop
    const list = await page.locator('#nodes ol').evaluate(one => [one.scrollWidth, one.clientWidth] as const);
    t.true(list[0] <= list[1], `${width}: ${list.join(' in ')}`);
  }
});

test('in a real cluster a node is taken offline, back online, and drained', async t => {
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'gateway', roles: ['gateway', 'jobhistory']},
      {name: 'one', roles: ['entrance', 'ecm', 'manager']},
      {name: 'two', roles: ['entrance', 'ecm'], label: 'et1'},
    ],
  });
  const {page, complaints} = await openPage(t, t.context.browser);
  const {instance} = cluster.node('two');
  const two = row(page, instance);
  await logIn(page, cluster.url(), 'hadoop', 'the password of the cluster');
  await two.waitFor({timeout: 10_000});
  t.regex(await two.innerText(), /route=et1/);
  await two.getByText('Take offline').click();
  await two.locator('.state', {hasText: 'offline'}).waitFor({timeout: 5000});
  await two.getByText('Back online').click();
  await two.locator('.state', {hasText: 'up'}).waitFor({timeout: 5000});
  await two.getByText(/ms$/).waitFor({timeout: 10_000});
  await two.locator('.drain').click();
  await page.locator('#nodes dialog button.danger').click();
  t.is(await cluster.node('two').exited(), 0);
  await two.waitFor({state: 'detached', timeout: 10_000});
  t.is(await page.locator('#nodes li').count(), 2);
  t.deepEqual(complaints, []);
});
