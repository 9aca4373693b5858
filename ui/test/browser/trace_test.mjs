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

async function openTrace(search = '', trace = site.subjects.failing.trace) {
  const opened = await openPage(browser, site, `/trace/${trace.traceId}${search}`);
  await opened.page.waitForSelector('[role=treeitem]');
  return opened;
}

const selected = (page) => page.locator('[role=treeitem][aria-selected=true]').getAttribute('id');
const inQuery = (page, name, accept) =>
  eventually(() => query(page).get(name), accept, `${name} in the address`);
const rowCount = (page) => page.locator('[role=treeitem]').count();

// Something is painted if any pixel of the canvas is opaque.
const isPainted = (page) =>
  page.evaluate(() => {
    const canvas = document.querySelector('.bars canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value, index) => index % 4 === 3 && value > 0);
  });

test('the trace page shows the tree, the bars and the numbers', async () => {
  const { page, offences, close } = await openTrace();
  const { trace } = site.subjects.failing;
  const header = await page.locator('header dl').innerText();
  assert.ok(header.includes(trace.traceId));
  assert.ok(header.includes(String(trace.spanCount)));
  assert.ok(await isPainted(page));
  assert.deepEqual(offences, []);
  await close();
});

test('j and k move, Enter opens the detail, Escape closes it', async () => {
  const { page, close } = await openTrace();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  assert.equal(await selected(page), 'span-1');
  await page.keyboard.press('k');
  assert.equal(await selected(page), 'span-0');
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'Span detail' }).waitFor();
  await inQuery(page, 'detail', (value) => value === '1');
  await page.keyboard.press('Escape');
  await page.getByRole('region', { name: 'Span detail' }).waitFor({ state: 'detached' });
  await close();
});

test('left folds and right unfolds, in the address too', async () => {
  const { page, close } = await openTrace();
  const before = await rowCount(page);
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowLeft');
  await eventually(
    () => rowCount(page),
    (count) => count < before,
    'rows after folding',
  );
  assert.equal(await page.locator('#span-0').getAttribute('aria-expanded'), 'false');
  await inQuery(page, 'toggle', (value) => value !== null);
  await page.keyboard.press('ArrowRight');
  await eventually(
    () => rowCount(page),
    (count) => count === before,
    'rows after unfolding',
  );
  await close();
});

test('the arrow of a row folds by click without selecting', async () => {
  const { page, close } = await openTrace();
  await page.locator('#span-0 [data-fold]').click();
  assert.equal(await page.locator('#span-0').getAttribute('aria-expanded'), 'false');
  assert.equal(await page.locator('[aria-selected=true]').count(), 0);
  await close();
});

test('e goes to an error and unfolds what hides it', async () => {
  const { page, close } = await openTrace('?fold=0');
  assert.equal(await page.locator('[role=treeitem][aria-expanded=true]').count(), 0);
  for (let step = 0; step < 3; step++) await page.keyboard.press('e');
  assert.match(await page.locator('[aria-selected=true]').getAttribute('aria-label'), /, error/);
  await close();
});

test('zoom by keys goes to the address, 0 shows all again', async () => {
  const { page, close } = await openTrace();
  await page.keyboard.press('+');
  await inQuery(page, 'zoom', (value) => /^\d+-\d+$/.test(value ?? ''));
  await page.keyboard.press('0');
  await inQuery(page, 'zoom', (value) => value === null);
  await close();
});

test('dragging over the bars zooms to the range', async () => {
  const { page, close } = await openTrace();
  const box = await page.locator('.bars canvas').boundingBox();
  await page.mouse.move(box.x + box.width * 0.25, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 100, { steps: 4 });
  await page.mouse.up();
  const [from, to] = (await inQuery(page, 'zoom', (value) => value !== null)).split('-').map(Number);
  const length = Number(site.subjects.failing.trace.durationNano);
  assert.ok(Math.abs(from / length - 0.25) < 0.02, `from ${from / length}`);
  assert.ok(Math.abs(to / length - 0.5) < 0.02, `to ${to / length}`);
  await close();
});

test('dragging over the overview zooms, a double click shows all', async () => {
  const { page, close } = await openTrace();
  const box = await page.locator('.minimap').boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await inQuery(page, 'zoom', (value) => value !== null);
  await page.mouse.dblclick(box.x + box.width * 0.8, box.y + 20);
  await inQuery(page, 'zoom', (value) => value === null);
  await close();
});

test('ctrl and wheel zooms where the pointer is', async () => {
  const { page, close } = await openTrace();
  const box = await page.locator('.bars canvas').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 50);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -300);
  await page.keyboard.up('Control');
  await inQuery(page, 'zoom', (value) => value !== null);
  await close();
});

test('a click on a row opens its detail with attributes and resource', async () => {
  const { page, close } = await openTrace();
  await page.locator('#span-1 .name').click();
  const detail = page.getByRole('region', { name: 'Span detail' });
  await detail.waitFor();
  const text = await detail.innerText();
  assert.match(text, /Attributes/);
  assert.match(text, /service\.name/);
  assert.match(text, /Self time/);
  await close();
});

test('a click on a bar selects its span', async () => {
  const { page, close } = await openTrace();
  const box = await page.locator('.bars canvas').boundingBox();
  await page.mouse.click(box.x + 40, box.y + 24 * 1 + 12);
  await eventually(
    () => selected(page),
    (id) => id === 'span-1',
    'selected span',
  );
  await close();
});

test('finding counts matches and walks them', async () => {
  const { page, close } = await openTrace();
  await page.keyboard.press('/');
  await page.keyboard.type('call-that-is-nowhere');
  await page.getByText('no match').waitFor();
  const service = site.subjects.failing.summary.rootService;
  await page.getByLabel('Find in this trace').fill(service);
  await page.keyboard.press('Enter');
  await page.getByText(/^1 of \d+$/).waitFor();
  await inQuery(page, 'find', (value) => value === service);
  await close();
});

test('an address restores span, detail, zoom, folds, search and path', async () => {
  const { trace } = site.subjects.failing;
  const span = trace.spans[0];
  const end = Math.max(20, Math.floor(Number(trace.durationNano) / 2));
  const path = `?span=${span.spanId}&detail=1&zoom=0-${end}&find=a&fold=0&path=1`;
  const { page, close } = await openTrace(path);
  assert.equal(await selected(page), 'span-0');
  await page.getByRole('region', { name: 'Span detail' }).waitFor();
  assert.equal(await page.locator('#span-0').getAttribute('aria-expanded'), 'false');
  assert.equal(await page.getByLabel('Find in this trace').inputValue(), 'a');
  assert.equal(
    await page.getByRole('button', { name: /Critical path/ }).getAttribute('aria-pressed'),
    'true',
  );
  await page.getByRole('button', { name: 'Whole trace' }).waitFor();
  await page.waitForTimeout(400);
  assert.equal(new URL(page.url()).search, path, 'the address stays as it was');
  await close();
});

test('an unknown trace says so and offers the search', async () => {
  const { page, close } = await openPage(browser, site, `/trace/${'0'.repeat(28)}beef`);
  await page.getByText('There is no trace with this id').waitFor();
  await page.getByRole('link', { name: 'Search traces' }).click();
  await page.waitForSelector('a.result');
  await close();
});

testWithMock('an exception shows its stack, a link leads to its trace', async () => {
  const { trace } = site.subjects.failing;
  const thrower = trace.spans.find((span) => span.events.some((event) => event.name === 'exception'));
  const one = await openTrace(`?span=${thrower.spanId}&detail=1`);
  assert.match(await one.page.locator('pre').innerText(), /Gateway\.java:118/);
  await one.close();
  const { traceId } = site.traces.find((found) => found.orphanCount > 0 && found.spanCount === 64);
  const two = await openTrace('?fold=0', { traceId });
  await two.page.locator('#span-0 .name').click();
  await two.page.locator('.link a').click();
  await eventually(
    () => new URL(two.page.url()).pathname,
    (path) => path !== `/trace/${traceId}`,
    'the linked trace',
  );
  await two.page.waitForSelector('[role=treeitem]');
  await two.close();
});
