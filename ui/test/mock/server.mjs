// Serves ui/dist as the product does (strict policy, index.html for pages) with invented traces behind the
// native API. For tests and for work on the UI only: `node test/mock/server.mjs [port]`.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CALLS, makeTraces, SERVICES } from './data.mjs';
import { answerSampling } from './sampling.mjs';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const UNITS = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function nanoseconds(text) {
  const match = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)$/.exec(text);
  return match ? Number(match[1]) * UNITS[match[2]] : null;
}

const valueText = (value) => String(Object.values(value)[0]);

function matchesSpan(made, span, parameters, tags) {
  const service = parameters.get('service');
  const operation = parameters.get('operation');
  const resource = made.trace.resources[span.resource];
  if (service && resource.service !== service) return false;
  if (operation && span.name !== operation) return false;
  return tags.every(([key, value]) => {
    if (key === 'error') return (span.status.code === 'error') === (value === 'true');
    const all = [...span.attributes, ...resource.attributes];
    return all.some((attribute) => attribute.key === key && valueText(attribute.value) === value);
  });
}

// One filter of `field = value` joined by &&: as much of TraceQL as tests of the page need.
function parseTraceql(query) {
  const inside = /^\{(.*)\}$/.exec(query.trim());
  if (!inside) return { problem: "1:1: expected '{'", column: 1 };
  if (inside[1].trim() === '') return { conditions: [] };
  let at = query.indexOf('{') + 1;
  const conditions = [];
  for (const part of inside[1].split('&&')) {
    const match = /^\s*([\w.:]+)\s*=\s*("[^"]*"|[\w.]+)\s*$/.exec(part);
    if (!match) {
      const column = at + part.trimEnd().length + 2;
      return { problem: `1:${column}: expected a value after '='`, column };
    }
    conditions.push([match[1], match[2].replace(/^"|"$/g, '')]);
    at += part.length + 2;
  }
  return { conditions };
}

function meets(made, span, [field, value]) {
  const resource = made.trace.resources[span.resource];
  if (field === 'status') return span.status.code === value;
  if (field === 'name') return span.name === value;
  const [scope, ...rest] = field.split('.');
  const all = { span: span.attributes, resource: resource.attributes }[scope] ?? [];
  return all.some((attribute) => attribute.key === rest.join('.') && valueText(attribute.value) === value);
}

function toFound(made, conditions, isMatch) {
  const spans = made.trace.spans.filter(isMatch);
  const toRow = (span) => ({
    spanId: span.spanId,
    service: made.trace.resources[span.resource].service,
    name: span.name,
    startTimeUnixNano: span.startTimeUnixNano,
    durationNano: span.durationNano,
    attributes: conditions.map(([key, value]) => ({ key, value: { stringValue: value } })),
  });
  return { ...made.summary, matchedSpans: spans.length, spans: spans.slice(0, 3).map(toRow) };
}

function search(traces, parameters) {
  const tags = [...(parameters.get('tags') ?? '').matchAll(/([^\s=]+)=("[^"]*"|\S*)/g)].map(
    ([, key, value]) => [key, value.replace(/^"|"$/g, '')],
  );
  const min = parameters.get('minDuration');
  const max = parameters.get('maxDuration');
  for (const bound of [min, max]) {
    if (bound && nanoseconds(bound) === null) return { problem: `bad duration "${bound}"` };
  }
  const { conditions = [], problem, column } = parameters.get('q') ? parseTraceql(parameters.get('q')) : {};
  if (problem) return { problem: `parameter q: ${problem}`, place: { parameter: 'q', line: 1, column } };
  const isMatch = (made) => (span) =>
    matchesSpan(made, span, parameters, tags) && conditions.every((one) => meets(made, span, one));
  const found = traces.filter((made) => {
    const start = BigInt(made.summary.startTimeUnixNano);
    if (parameters.get('start') && start < BigInt(parameters.get('start'))) return false;
    if (parameters.get('end') && start > BigInt(parameters.get('end'))) return false;
    if (min && !made.trace.spans.some((span) => Number(span.durationNano) >= nanoseconds(min))) return false;
    if (max && !made.trace.spans.some((span) => Number(span.durationNano) <= nanoseconds(max))) return false;
    return made.trace.spans.some(isMatch(made));
  });
  found.sort((a, b) => (BigInt(b.summary.startTimeUnixNano) > BigInt(a.summary.startTimeUnixNano) ? 1 : -1));
  const from = Number(parameters.get('cursor') ?? 0);
  const to = from + Number(parameters.get('limit') ?? 20);
  const rows = found.slice(from, to).map((made) => toFound(made, conditions, isMatch(made)));
  return { rows, next: to < found.length ? { next: String(to) } : {} };
}

function answerApi(method, url, traces) {
  const path = url.pathname.slice('/api/bs/v1'.length);
  const answered = answerSampling(method, path, traces);
  if (answered) return answered;
  const parameters = url.searchParams;
  const error = (status, code, message) => ({ status, body: { error: { code, message } } });
  if (path === '/services') return { body: { services: [...SERVICES].sort() } };
  if (path === '/operations') {
    const services = parameters.get('service') ? [parameters.get('service')] : SERVICES;
    const names = services.flatMap((service) => CALLS[service] ?? []).sort();
    return { body: { operations: names.map((name) => ({ name, kind: 'server' })) } };
  }
  if (path === '/attributes') {
    return {
      body: {
        attributes: ['http.request.method', 'http.route', 'user.id'].map((name) => ({ scope: 'span', name })),
      },
    };
  }
  if (path === '/attributes/http.route/values') return { body: { values: ['/cart', '/checkout', '/a b'] } };
  if (path === '/traces') {
    if (parameters.get('service') === 'broken')
      return error(503, 'unavailable', 'The store is being restarted; ask again in a moment.');
    const result = search(traces, parameters);
    if (result.problem) {
      const { status, body } = error(400, 'invalid_argument', result.problem);
      return { status, body: { error: { ...body.error, ...result.place } } };
    }
    const isPartial = parameters.get('operation') === 'ShipOrder';
    return { body: { traces: result.rows, ...result.next, partial: isPartial } };
  }
  const id = /^\/traces\/([0-9a-f]{1,32})$/.exec(path)?.[1]?.padStart(32, '0');
  const made = traces.find(({ summary }) => summary.traceId === id);
  if (made) return { body: made.trace };
  if (id) return error(404, 'not_found', `No trace ${id} is stored or open.`);
  return error(404, 'not_found', `There is no ${url.pathname}.`);
}

async function answerFile(url, response) {
  const wanted = normalize(url.pathname).replace(/^\/+/, '');
  let file = join(DIST, wanted);
  const isFile =
    wanted !== '' &&
    file.startsWith(DIST) &&
    (await stat(file).then(
      (found) => found.isFile(),
      () => false,
    ));
  if (!isFile && extname(wanted)) {
    response.writeHead(404).end();
    return;
  }
  if (!isFile) file = join(DIST, 'index.html');
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  });
  createReadStream(file).pipe(response);
}

// Resolves to { url, traces, close }.
export function startMock({ port = 0, now = Date.now(), ...options } = {}) {
  const traces = makeTraces({ now, ...options });
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://mock');
    if (!url.pathname.startsWith('/api/')) return void answerFile(url, response);
    const { status = 200, body } = answerApi(request.method, url, traces);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      const close = () => new Promise((done) => (server.closeAllConnections(), server.close(done)));
      resolve({ url: `http://127.0.0.1:${server.address().port}`, traces, close });
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.argv[2] ?? 16687) });
  console.log(mock.url);
}
