// What the browser tests share: a site (the mock, or the server at BACKSTITCH_URL), a browser, and pages
// that record whatever a page must never do.

import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { startMock } from '../mock/server.mjs';

export const realUrl = process.env.BACKSTITCH_URL?.replace(/\/$/, '');

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export function openBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--no-first-run',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

async function getJson(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

// Subjects are traces that the tests need: one with an error and children, and the one with the most spans.
export async function openSite() {
  const mock = realUrl ? null : await startMock();
  const url = realUrl ?? mock.url;
  const { traces } = await getJson(`${url}/api/bs/v1/traces?limit=1500`);
  if (traces.length === 0) throw new Error(`${url} holds no traces to test with`);
  const full = async (summary) => ({
    summary,
    trace: await getJson(`${url}/api/bs/v1/traces/${summary.traceId}`),
  });
  const most = (list) => list.reduce((best, trace) => (trace.spanCount > best.spanCount ? trace : best));
  const failing = traces.filter(
    (trace) => trace.errorCount > 0 && trace.spanCount > 3 && trace.spanCount < 1000,
  );
  return {
    url,
    traces,
    subjects: {
      failing: await full(most(failing.length ? failing : traces)),
      largest: await full(most(traces)),
    },
    close: async () => mock?.close(),
  };
}

// A page plus a list of offences: requests to other origins, policy violations, uncaught errors.
export async function openPage(browser, site, path, { theme = 'light', width = 1280, height = 800 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const page = await context.newPage();
  const offences = [];
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(site.url) && !url.startsWith('data:')) offences.push(`request to ${url}`);
  });
  page.on('pageerror', (error) => offences.push(`uncaught ${error.message}`));
  page.on('console', (message) => {
    const isPolicy = /Content Security Policy|Refused to/i.test(message.text());
    if (isPolicy) offences.push(message.text());
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      window.violations.push(event.violatedDirective),
    );
  });
  await page.goto(site.url + path);
  return { page, offences, close: () => context.close() };
}

// Tests of what only the mock's data has; left out when a real server is tested.
export function testWithMock(name, run) {
  test(`mock: ${name}`, { skip: realUrl ? 'needs the mock' : false }, run);
}

// Polls until `read` gives a value that `accept` takes.
export async function eventually(read, accept, what) {
  const deadline = Date.now() + 5000;
  let last;
  do {
    last = await read();
    if (accept(last)) return last;
    await new Promise((resolve) => setTimeout(resolve, 25));
  } while (Date.now() < deadline);
  throw new Error(`${what}: still ${JSON.stringify(last)}`);
}

export const query = (page) => new URLSearchParams(new URL(page.url()).search);
