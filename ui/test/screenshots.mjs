// Takes pictures of the pages: `node test/screenshots.mjs FOLDER` (BACKSTITCH_URL for a real server).

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DROPPED, GONE } from './mock/sampling.mjs';
import { openBrowser, openSite } from './browser/harness.mjs';

const folder = process.argv[2] ?? 'screenshots';
await mkdir(folder, { recursive: true });
const site = await openSite();
const browser = await openBrowser();

async function picture(name, path, { theme = 'light', width = 1440, height = 900, act } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const page = await context.newPage();
  await page.goto(site.url + path);
  await page.waitForSelector('a.result, [role=treeitem], .message, .page li');
  await act?.(page);
  await page.waitForTimeout(250);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await context.close();
}

const { failing, largest } = site.subjects;
const failed = failing.trace.spans.findLast((span) => span.status.code === 'error');
const deep = `/trace/${failing.trace.traceId}?span=${failed.spanId}&detail=1`;
for (const theme of ['light', 'dark']) {
  await picture(`search-${theme}`, '/search', { theme });
  await picture(`trace-${theme}`, deep, { theme, act: (page) => page.mouse.move(760, 420) });
  await picture(`large-${theme}`, `/trace/${largest.trace.traceId}`, { theme });
}
for (const theme of ['light', 'dark']) {
  await picture(`why-${theme}`, `/trace/${failing.trace.traceId}`, {
    theme,
    act: async (page) => {
      await page.locator('.why button').waitFor();
      await page.keyboard.press('w');
    },
  });
  await picture(`policies-${theme}`, '/policies', { theme });
  await picture(`errors-${theme}`, '/errors?range=24h', { theme });
  await picture(`dropped-${theme}`, `/trace/${DROPPED}`, { theme });
}
await picture('policies-600', '/policies', { width: 600, height: 900 });
await picture('errors-600', '/errors', { width: 600, height: 900, theme: 'dark' });
await picture('gone', `/trace/${GONE}`);
await picture('search-900', '/search?service=cart&range=24h', { width: 900, height: 700 });
await picture('trace-900', deep, { width: 900, height: 700, theme: 'dark' });
await picture('trace-find', `/trace/${failing.trace.traceId}?find=postgres&path=1`, { theme: 'dark' });
await picture('trace-events', deep, {
  act: (page) => page.locator('.detail').evaluate((detail) => detail.scrollTo(0, 480)),
});
await picture('trace-zoom', `/trace/${failing.trace.traceId}?zoom=0-60000000&fold=2`, { theme: 'light' });
await picture('search-custom', '/search?range=custom&from=1700000000000&service=cart&tags=error%3Dtrue', {
  theme: 'dark',
});
await picture('search-tags', '/search', {
  act: async (page) => {
    await page.click('#tags');
    await page.keyboard.type('http.route=');
    await page.locator('#tags-list li').first().waitFor();
  },
});
for (const theme of ['light', 'dark']) {
  await picture(`search-traceql-${theme}`, '/search?q=' + encodeURIComponent('{ status = error }'), {
    theme,
  });
  await picture(`search-traceql-broken-${theme}`, '/search?q=' + encodeURIComponent('{ name = }'), { theme });
}
await picture('search-traceql-900', '/search?q=' + encodeURIComponent('{ status = error }'), {
  width: 900,
  height: 700,
});
await picture('search-traceql-offered', '/search', {
  act: async (page) => {
    await page.click('#q');
    await page.keyboard.type('{ status = error && ');
    await page.locator('#q-list li').first().waitFor();
    await page.keyboard.press('ArrowDown');
  },
});
await picture('trace-missing', `/trace/${'0'.repeat(31)}1`);
await picture('search-empty', '/search?tags=nothing%3Dhere', { theme: 'dark' });
await picture('keys', '/search', { act: (page) => page.keyboard.press('?') });
await picture('combobox', '/search', { act: (page) => page.click('#service') });
await browser.close();
await site.close();
