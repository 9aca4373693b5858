import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, openBrowser, openPage, openSite, query, testWithMock } from './harness.mjs';

let site;
let browser;
before(async () => {
  site = await openSite();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

async function openSearch(path = '/', options) {
  const opened = await openPage(browser, site, path, options);
  await opened.page.waitForSelector('a.result, .message');
  return opened;
}

const rowCount = (page) => page.locator('a.result').count();

test('the search page lists traces with durations, spans and services', async () => {
  const { page, offences, close } = await openSearch();
  assert.equal(await rowCount(page), Math.min(50, site.traces.length));
  const first = await page.locator('a.result').first().innerText();
  assert.match(first, /\d+(\.\d+)?\s(ns|µs|ms|s|m|h)/);
  assert.equal(await page.title(), 'Backstitch');
  assert.deepEqual(offences, []);
  await close();
});

test('a chosen service goes to the address, and back takes it away', async () => {
  const { page, close } = await openSearch();
  const service = site.subjects.failing.summary.rootService;
  await page.fill('#service', service);
  await page.keyboard.press('Enter');
  await eventually(
    () => query(page).get('service'),
    (value) => value === service,
    'service in the address',
  );
  await page.goBack();
  await eventually(
    () => page.inputValue('#service'),
    (value) => value === '',
    'the field after back',
  );
  await page.goForward();
  await eventually(
    () => page.inputValue('#service'),
    (value) => value === service,
    'the field after forward',
  );
  await close();
});

test('an address with filters restores the form', async () => {
  const path =
    '/search?service=cart&operation=GetCart&tags=a%3Db&minDuration=1ms&maxDuration=2s&range=6h&limit=100&sort=longest';
  const { page, close } = await openSearch(path);
  assert.equal(await page.inputValue('#service'), 'cart');
  assert.equal(await page.inputValue('#operation'), 'GetCart');
  assert.equal(await page.inputValue('#tags'), 'a=b');
  assert.equal(await page.getByLabel('Minimum duration').inputValue(), '1ms');
  assert.equal(await page.getByLabel('Maximum duration').inputValue(), '2s');
  assert.ok(await page.getByRole('radio', { name: '6h' }).isChecked());
  await close();
});

test('TraceQL goes to the address, and the matched spans stand below their trace', async () => {
  const { page, close } = await openSearch();
  await page.fill('#q', '{ status = error }');
  await page.keyboard.press('Enter');
  await eventually(
    () => query(page).get('q'),
    (value) => value === '{ status = error }',
    'q in the address',
  );
  await page.waitForSelector('.matches');
  assert.match(await page.locator('.matched').first().innerText(), /^[\d,]+\s+spans?\s+matched$/);
  assert.equal(await rowCount(page), await page.locator('a.result .errors').count());
  await page.locator('a.match').first().click();
  await page.waitForSelector('[role=treeitem]');
  assert.match(new URL(page.url()).search, /^\?span=[0-9a-f]{16}&detail=1/);
  await page.goBack();
  await eventually(
    () => page.inputValue('#q'),
    (value) => value === '{ status = error }',
    'the query after back',
  );
  await close();
});

test('TraceQL and the other fields must both hold', async () => {
  const service = site.subjects.failing.summary.rootService;
  const { page, close } = await openSearch(
    `/search?q=${encodeURIComponent('{ status = error }')}&service=${service}`,
  );
  assert.equal(await page.inputValue('#q'), '{ status = error }');
  assert.equal(await page.inputValue('#service'), service);
  assert.ok((await rowCount(page)) > 0);
  await close();
});

test('a mistake in TraceQL is marked below the field', async () => {
  const { page, offences, close } = await openSearch('/search?q=' + encodeURIComponent('{ name = }'));
  await page.waitForSelector('#q-problem');
  assert.equal(await page.locator('#q-problem mark').innerText(), '}');
  assert.match(await page.locator('#q-problem').innerText(), /expected/);
  assert.equal(await page.getAttribute('#q', 'aria-invalid'), 'true');
  await page.fill('#q', '{ name = "x" }');
  assert.equal(await page.locator('#q-problem').count(), 0, 'what is edited is not known to be wrong');
  assert.deepEqual(offences, []);
  await close();
});

test('more traces are appended below', async () => {
  const { page, close } = await openSearch('/search?limit=2');
  assert.equal(await rowCount(page), 2);
  const first = await page.locator('a.result').first().getAttribute('data-trace');
  await page.getByRole('button', { name: 'Show 2 more' }).click();
  await eventually(
    () => rowCount(page),
    (rows) => rows === 4,
    'rows',
  );
  const ids = await page.locator('a.result').evaluateAll((rows) => rows.map((row) => row.dataset.trace));
  assert.equal(ids[0], first);
  assert.equal(new Set(ids).size, 4);
  await close();
});

testWithMock('TraceQL completes fields, then values, by the keyboard', async () => {
  const { page, close } = await openSearch();
  await page.click('#q');
  await page.keyboard.type('{ rou');
  await page.locator('#q-list li', { hasText: 'span.http.route' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.type('= ');
  await page.locator('#q-list li', { hasText: '/a b' }).waitFor();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.keyboard.type('}');
  assert.equal(await page.inputValue('#q'), '{ span.http.route = "/a b" }');
  await page.keyboard.press('Enter');
  await eventually(
    () => query(page).get('q'),
    (value) => value === '{ span.http.route = "/a b" }',
    'q in the address',
  );
  await close();
});

test('tags that cannot be read are refused beside the field', async () => {
  const { page, close } = await openSearch();
  await page.fill('#tags', 'http.route="/a');
  await page.keyboard.press('Enter');
  assert.match(await page.locator('#tags-problem').innerText(), /not closed/);
  assert.equal(query(page).get('tags'), null);
  await close();
});

test('suggestions that come after Enter stay away', async () => {
  const { page, close } = await openSearch();
  let answered = 0;
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  await page.route('**/api/bs/v1/attributes?*', async (route) => {
    await held;
    await route.continue().catch(() => {}); // given up by the page
    ++answered;
  });
  const asked = page.waitForRequest('**/api/bs/v1/attributes?*');
  await page.fill('#tags', 'http.route="/a');
  await asked;
  await page.keyboard.press('Enter');
  letGo();
  await eventually(
    () => answered,
    (count) => count === 1,
    'the answer',
  );
  assert.match(await page.locator('#tags-problem').innerText(), /not closed/);
  assert.equal(await page.getAttribute('#tags', 'aria-expanded'), 'false');
  await close();
});

test('errors only searches for error=true', async () => {
  const { page, close } = await openSearch();
  await page.getByRole('button', { name: 'Errors only' }).click();
  await eventually(
    () => query(page).get('tags'),
    (value) => value === 'error=true',
    'tags in the address',
  );
  await page.waitForSelector('a.result .errors');
  await eventually(
    () =>
      page
        .locator('a.result')
        .count()
        .then(async (rows) => rows - (await page.locator('a.result .errors').count())),
    (without) => without === 0,
    'rows without errors',
  );
  await close();
});

test('a trace opens by click, and back returns to the list', async () => {
  const { page, close } = await openSearch();
  const traceId = await page.locator('a.result').first().getAttribute('data-trace');
  await page.locator('a.result').first().click();
  await page.waitForSelector('[role=treeitem]');
  assert.equal(new URL(page.url()).pathname, `/trace/${traceId}`);
  await page.keyboard.press('j');
  await page.goBack();
  await page.waitForSelector('a.result');
  // Longer than the address waits to be rewritten: the trace's state must not land on the search.
  await page.waitForTimeout(400);
  assert.equal(new URL(page.url()).search, '');
  await close();
});

test('a pasted trace id jumps to its trace, anything else is refused', async () => {
  const { page, close } = await openSearch();
  const { traceId } = site.subjects.failing.summary;
  await page.getByLabel('Trace id').fill('hello');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#jump-problem');
  await page.getByLabel('Trace id').fill(traceId.toUpperCase());
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=treeitem]');
  assert.equal(new URL(page.url()).pathname, `/trace/${traceId}`);
  await close();
});

test('j and k walk the results, slash goes to the query, ? shows the keys', async () => {
  const { page, close } = await openSearch();
  const focused = () =>
    page.evaluate(() => document.activeElement?.dataset?.trace ?? document.activeElement?.id);
  const ids = await page.locator('a.result').evaluateAll((rows) => rows.map((row) => row.dataset.trace));
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  assert.equal(await focused(), ids[1]);
  await page.keyboard.press('k');
  assert.equal(await focused(), ids[0]);
  await page.keyboard.press('/');
  assert.equal(await focused(), 'q');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await close();
});

test('live asks again every two seconds', async () => {
  const { page, close } = await openSearch();
  let asked = 0;
  page.on('request', (request) => (asked += request.url().includes('/traces?') ? 1 : 0));
  await page.getByRole('button', { name: 'Live' }).click();
  assert.equal(query(page).get('live'), '1');
  await eventually(
    () => asked,
    (count) => count >= 2,
    'searches while live',
  );
  await close();
});

test('the theme follows the system until it is chosen, and the choice lasts', async () => {
  const { page, close } = await openSearch('/', { theme: 'dark' });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), 'dark');
  await page.getByRole('button', { name: 'Use the light theme' }).click();
  assert.equal(await theme(), 'light');
  await page.reload();
  assert.equal(await theme(), 'light');
  await close();
});

testWithMock('the error of the server is shown in its words', async () => {
  const { page, close } = await openSearch('/search?service=broken');
  assert.match(await page.getByRole('alert').innerText(), /The store is being restarted/);
  await close();
});

testWithMock('a partial answer says so', async () => {
  const { page, close } = await openSearch('/search?operation=ShipOrder');
  await page.getByText('ended at its limit').waitFor();
  await close();
});

testWithMock('no match has its own message', async () => {
  const { page, close } = await openSearch('/search?tags=nothing%3Dhere');
  await page.getByText('Nothing matches these filters').waitFor();
  await close();
});

testWithMock('tags complete their names and values', async () => {
  const { page, close } = await openSearch();
  await page.click('#tags');
  await page.keyboard.type('rou');
  await page.locator('#tags-list li', { hasText: 'http.route' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('#tags-list li', { hasText: '/a b' }).waitFor();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  assert.equal(await page.inputValue('#tags'), 'http.route="/a b" ');
  await page.keyboard.press('Enter');
  await eventually(
    () => query(page).get('tags'),
    (value) => value === 'http.route="/a b"',
    'tags in the address',
  );
  await close();
});

testWithMock('operations offered are those of the service', async () => {
  const { page, close } = await openSearch('/search?service=payment');
  await page.click('#operation');
  await eventually(
    () => page.locator('#operation-list li').allInnerTexts(),
    (names) => names.join() === 'Authorize,Charge',
    'operations',
  );
  await close();
});
