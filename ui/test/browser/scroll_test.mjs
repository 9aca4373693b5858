import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { measureScroll } from '../scrolling.mjs';
import { openBrowser, openPage, openSite, testWithMock } from './harness.mjs';

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

// How smoothly is no question for a shared machine: `npm run measure:scroll` prints the figures.
testWithMock('10,000 spans scroll with only the visible rows as elements', async () => {
  const { page, close } = await openPage(browser, site, `/trace/${site.subjects.largest.trace.traceId}`, {
    height: 900,
  });
  const measured = await measureScroll(page);
  assert.equal(site.subjects.largest.trace.spanCount, 10_000);
  assert.ok(measured.scrolled_rows > 2_000, JSON.stringify(measured));
  assert.ok(measured.elements < 60, JSON.stringify(measured));
  await close();
});
