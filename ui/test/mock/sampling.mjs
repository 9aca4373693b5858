// What the mock says of decisions, policies, errors and losses. DROPPED can be taken back, GONE cannot.

import { makeTrace } from './data.mjs';

export const DROPPED = 'd'.repeat(32);
export const GONE = 'c'.repeat(32);
const GRACE_MS = 8 * 60_000;

const nanoseconds = (milliseconds) => `${BigInt(Math.round(milliseconds)) * 1_000_000n}`;
const notFound = (message) => ({ status: 404, body: { error: { code: 'not_found', message } } });

function decision(summary, fields) {
  const opened = BigInt(summary.startTimeUnixNano) / 1_000_000n;
  return {
    verdict: 'kept',
    cause: 'window',
    early: false,
    policy: '',
    voted: [],
    openedTimeUnixNano: nanoseconds(Number(opened)),
    decidedTimeUnixNano: nanoseconds(Number(opened) + 10_004),
    durationNano: summary.durationNano,
    spanCount: summary.spanCount,
    errorCount: summary.errorCount,
    lateSpanCount: 0,
    weight: 1,
    policySet: 1,
    ...fields,
  };
}

function whyKept(summary) {
  if (summary.open) return null;
  const isFailed = summary.errorCount > 0;
  const isSlow = Number(summary.durationNano) > 1.5e9;
  const voted = [...(isFailed ? ['errors'] : []), ...(isSlow ? ['slow checkouts'] : [])];
  const decisions = voted.length
    ? [decision(summary, { policy: voted[0], voted })]
    : [decision(summary, { policy: 'rest', voted: ['rest'], weight: 100 })];
  // Some were dropped before the error came.
  if (isFailed && summary.spanCount > 20) {
    decisions.unshift(decision(summary, { verdict: 'dropped', errorCount: 0 }));
    decisions[1].cause = 'reopened';
    decisions[1].lateSpanCount = 3;
  }
  return { verdict: 'kept', reopenUntilUnixNano: '0', decisions };
}

function whyDropped(now, reopenUntilUnixNano) {
  const summary = {
    startTimeUnixNano: nanoseconds(now - 90_000),
    durationNano: '5850000',
    spanCount: 10,
    errorCount: 0,
  };
  return {
    verdict: 'dropped',
    reopenUntilUnixNano,
    decisions: [decision(summary, { verdict: 'dropped' })],
  };
}

const policy = (name, type, asked, says, decided, warnings = []) => ({
  name,
  type,
  asked,
  says,
  decided,
  warnings,
});
const POLICIES = {
  summary: "6 policies, decided 10s after a trace's first span",
  policies: [
    policy(
      'health checks',
      'drop',
      'drops',
      'Drops traces that have a span whose http.route is /healthz.',
      41_120,
    ),
    policy('errors', 'status_code', 'keeps', 'Keeps traces that have a span with status ERROR.', 6_113),
    policy('slow checkouts', 'latency', 'keeps', 'Keeps traces that take longer than 2s.', 2_480, [
      'Measured from the earliest start to the latest end of all spans, whatever the root took.',
    ]),
    policy('new shapes', 'novel', 'keeps', 'Keeps traces whose call shape was not seen for 1h.', 187),
    policy('broken', 'orphan', 'keeps', 'Keeps traces with a span whose parent is missing.', 0),
    policy('rest', 'baseline', 'of_the_rest', 'Keeps 1 % of what no other policy keeps.', 9_322),
  ],
  notes: [
    'num_traces / decision_wait leaves room for 5,000 new traces per second. ' +
      'Beyond it traces are decided early, by what is known.',
  ],
  figures: {
    kept: 18_102,
    dropped: 964_120,
    early: 12,
    reopened: 231,
    regretted: 0,
    lateSpans: 4_410,
    failures: 0,
    graceTraces: 61_204,
    graceBytes: 412_000_000,
    graceCut: 0,
  },
};

function origins(now, traces) {
  const failed = traces.filter(({ summary }) => summary.errorCount > 0).slice(0, 4);
  const rows = [
    ['payment', 'Charge', 'permission-denied', 'permission-denied -> failed-precondition -> internal', 1_204],
    ['postgres', 'UPDATE stock', 'deadline-exceeded', 'deadline-exceeded -> unavailable', 377],
    ['recommendation', 'Suggest', 'unavailable', 'unavailable -> ok', 58],
    ['shipping', 'GetQuote', 'not-found', 'not-found', 4],
  ];
  return rows.map(([service, operation, code, driftChain, count], index) => ({
    service,
    operation,
    code,
    driftChain,
    count,
    roots: [{ service: 'frontend', count: Math.ceil(count * 0.9) }].concat(
      index === 0 ? [{ service: 'checkout', count: Math.floor(count * 0.1) }] : [],
    ),
    firstTimeUnixNano: nanoseconds(now - 3_000_000),
    lastTimeUnixNano: nanoseconds(now - 60_000 * (index * 7 + 1)),
    exampleTraceId: failed[index % failed.length].summary.traceId,
  }));
}

const losses = (now) => [
  {
    service: 'checkout',
    instance: '0b9f6f0e-7c3a-4f57-9d6f-0a3f5a1b2c3d',
    spans: 1_234,
    reasons: [
      { reason: 'queue_full', spans: 1_200 },
      { reason: 'rejected', spans: 34 },
    ],
    firstTimeUnixNano: nanoseconds(now - 5_000_000),
    lastTimeUnixNano: nanoseconds(now - 240_000),
  },
];

// Undefined where the question is not about these.
export function answerSampling(method, path, traces) {
  const now = Date.now();
  if (path === '/policies') return { body: POLICIES };
  if (path === '/health') return { body: { warnings: traces.warnings ?? [] } };
  if (path === '/errors') return { body: { errors: origins(now, traces) } };
  if (path === '/sdk/losses') return { body: { losses: losses(now) } };
  const [, id, act] = /^\/traces\/([0-9a-f]{1,32})\/(why|keep)$/.exec(path) ?? [];
  if (!id) return undefined;
  const made = traces.find(({ summary }) => summary.traceId === id);
  if (act === 'keep') {
    if (method !== 'POST' || id !== DROPPED) return notFound(`nothing of trace ${id} is open or in grace`);
    const kept = makeTrace({ seed: 77, startNanoseconds: BigInt(now - 90_000) * 1_000_000n, spanCount: 10 });
    kept.summary.traceId = kept.trace.traceId = id;
    traces.push(kept);
    return { body: { traceId: id, kept: true } };
  }
  const why = made
    ? whyKept(made.summary)
    : id === DROPPED
      ? whyDropped(now, nanoseconds(now + GRACE_MS))
      : id === GONE
        ? whyDropped(now, '0')
        : null;
  if (!why) return notFound(`nothing was decided about trace ${id}`);
  return { body: { traceId: id, partial: false, ...why } };
}
