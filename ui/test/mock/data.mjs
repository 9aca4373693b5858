// Traces of an invented shop, the same for a given seed and moment. Shapes that a view must handle are
// planted: errors that climb, orphans, open traces, links, long values, deep chains, 10,000 spans.

export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const hex = (next, digits) =>
  Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16))
    .join('')
    .replace(/^0/, 'a');
const text = (key, value) => ({ key, value: { stringValue: value } });
const int = (key, value) => ({ key, value: { intValue: String(value) } });

const CALLS = {
  frontend: ['GET /checkout', 'GET /product/{id}', 'POST /cart', 'GET /'],
  checkout: ['PlaceOrder', 'PrepareOrder'],
  cart: ['GetCart', 'AddItem', 'EmptyCart'],
  catalog: ['ListProducts', 'GetProduct', 'SearchProducts'],
  payment: ['Charge', 'Authorize'],
  shipping: ['GetQuote', 'ShipOrder'],
  currency: ['Convert', 'GetRates'],
  email: ['SendConfirmation'],
  inventory: ['Reserve', 'Release'],
  postgres: ['SELECT orders', 'INSERT orders', 'SELECT products', 'UPDATE stock'],
  redis: ['GET', 'SET', 'HGETALL'],
  recommendation: ['Suggest'],
};
const SERVICES = Object.keys(CALLS);
const CALLEES = {
  frontend: ['checkout', 'cart', 'catalog', 'recommendation', 'currency'],
  checkout: ['cart', 'payment', 'shipping', 'currency', 'email', 'inventory', 'postgres'],
  cart: ['redis', 'catalog'],
  catalog: ['postgres', 'redis', 'inventory', 'recommendation'],
  payment: ['postgres', 'currency'],
  shipping: ['currency', 'inventory'],
  currency: ['redis', 'postgres'],
  inventory: ['postgres', 'redis', 'shipping'],
  recommendation: ['catalog', 'redis'],
};

const STACK = `com.acme.payment.CardDeclinedException: card declined by issuer (code 51)
\tat com.acme.payment.Gateway.charge(Gateway.java:118)
\tat com.acme.payment.PaymentService.authorize(PaymentService.java:64)
\tat java.base/java.util.concurrent.FutureTask.run(FutureTask.java:264)
\tat io.netty.util.concurrent.SingleThreadEventExecutor.run(SingleThreadEventExecutor.java:997)
Caused by: com.acme.gateway.IssuerException: insufficient funds
\tat com.acme.gateway.IssuerClient.post(IssuerClient.java:201)
\t... 12 more`;

function resource(service, next) {
  return {
    service,
    attributes: [
      text('service.name', service),
      text('service.version', `1.${Math.floor(next() * 20)}.${Math.floor(next() * 9)}`),
      text('deployment.environment.name', 'production'),
      text('k8s.namespace.name', 'shop'),
      text('k8s.pod.name', `${service}-${hex(next, 9)}-${hex(next, 5)}`),
      text('host.name', `node-${Math.floor(next() * 40)}`),
      text('telemetry.sdk.language', 'java'),
      int('process.pid', 1 + Math.floor(next() * 30000)),
    ],
    droppedAttributesCount: 0,
    schemaUrl: 'https://opentelemetry.io/schemas/1.26.0',
  };
}

function attributesOf(service, operation, next) {
  if (service === 'postgres') {
    return [
      text('db.system.name', 'postgresql'),
      text('db.namespace', 'shop'),
      text('db.operation.name', operation.split(' ')[0]),
      text(
        'db.query.text',
        'SELECT o.id, o.customer_id, o.total_cents, o.currency, o.created_at, l.sku, l.quantity, l.price_cents ' +
          'FROM orders o JOIN order_lines l ON l.order_id = o.id ' +
          'WHERE o.customer_id = $1 AND o.created_at > $2 ORDER BY o.created_at DESC LIMIT 50',
      ),
      int('db.response.returned_rows', Math.floor(next() * 50)),
    ];
  }
  if (service === 'redis') return [text('db.system.name', 'redis'), text('db.operation.name', operation)];
  const route = operation.includes('/') ? operation.split(' ')[1] : `/shop.${service}/${operation}`;
  return [
    text('http.request.method', operation.startsWith('GET') ? 'GET' : 'POST'),
    text('http.route', route),
    int('http.response.status_code', 200),
    text('user.id', `u-${Math.floor(next() * 900)}`),
    { key: 'app.is_returning', value: { boolValue: next() > 0.5 } },
    { key: 'app.score', value: { doubleValue: Math.round(next() * 1000) / 1000 } },
    {
      key: 'app.items',
      value: { arrayValue: { values: [{ stringValue: 'sku-1841' }, { stringValue: 'sku-0092' }] } },
    },
  ];
}

export function makeTrace({
  seed,
  startNanoseconds,
  spanCount,
  isFailing,
  isOpen = false,
  hasOrphan = false,
  link,
}) {
  const next = random(seed);
  const traceId = hex(next, 32);
  const resources = [];
  const resourceOf = new Map();
  const resourceIndex = (service) => {
    if (!resourceOf.has(service)) resourceOf.set(service, resources.push(resource(service, next)) - 1);
    return resourceOf.get(service);
  };
  const spans = [];
  const add = (service, parent, start, duration, depth) => {
    const operation = CALLS[service][Math.floor(next() * CALLS[service].length)];
    const span = {
      spanId: hex(next, 16),
      parentSpanId: parent ? parent.spanId : '',
      resource: resourceIndex(service),
      scope: 0,
      name: operation,
      kind: service === 'postgres' || service === 'redis' ? 'client' : next() > 0.8 ? 'internal' : 'server',
      startTimeUnixNano: start,
      durationNano: Math.max(1000, duration),
      status: { code: 'unset', message: '' },
      traceState: '',
      flags: 257,
      attributes: attributesOf(service, operation, next),
      droppedAttributesCount: 0,
      events: [],
      droppedEventsCount: 0,
      links: [],
      droppedLinksCount: 0,
      service,
      parent,
      depth,
      children: [],
    };
    if (next() > 0.85) {
      span.events.push({
        timeUnixNano: start + Math.floor(duration * 0.3),
        name: 'cache.miss',
        attributes: [text('cache.key', `product:${Math.floor(next() * 9999)}`)],
        droppedAttributesCount: 0,
      });
    }
    parent?.children.push(span);
    spans.push(span);
    return span;
  };
  const total = Math.floor(20e6 * Math.exp(next() * 4) * Math.max(1, spanCount / 60));
  const queue = [add('frontend', null, 0, total, 0)];
  // Breadth first until the wanted size, so that large traces are wide and also deep.
  while (spans.length < spanCount && queue.length > 0) {
    const parent = queue.splice(Math.floor(next() * Math.min(queue.length, 4)), 1)[0];
    const callees = CALLEES[parent.service];
    const wanted = 1 + Math.floor(next() * Math.min(callees.length + 2, 7));
    const isParallel = next() > 0.6;
    let at = parent.startTimeUnixNano + Math.floor(parent.durationNano * (0.02 + next() * 0.06));
    const share = (parent.durationNano * 0.85) / (isParallel ? 1.3 : wanted);
    for (let made = 0; made < wanted && spans.length < spanCount; made++) {
      const service = callees[Math.floor(next() * callees.length)];
      const duration = Math.floor(share * (0.35 + next() * 0.6));
      const start = isParallel ? at + Math.floor(parent.durationNano * next() * 0.15) : at;
      const child = add(service, parent, start, duration, parent.depth + 1);
      if (child.depth < 24 && CALLEES[child.service]) queue.push(child);
      if (!isParallel) at += Math.floor(share);
    }
    if (queue.length === 0 && spans.length < spanCount) {
      const callers = spans.filter((span) => CALLEES[span.service]);
      queue.push(callers[Math.floor(next() * callers.length)]);
    }
  }
  if (isFailing) fail(spans, next, spanCount);
  if (hasOrphan) spans[spans.length - 1].parentSpanId = hex(next, 16);
  if (link) {
    spans[0].links.push({
      ...link,
      traceState: '',
      flags: 1,
      attributes: [text('link.reason', 'retry of')],
      droppedAttributesCount: 0,
    });
  }
  return finish({ traceId, isOpen, startNanoseconds, resources, spans });
}

// A deep span fails; its callers pass the failure on, some of the way.
function fail(spans, next, spanCount) {
  const failures = Math.max(1, Math.floor(spanCount / 400));
  for (let count = 0; count < failures; count++) {
    let span = spans[Math.floor(spans.length * (0.3 + next() * 0.65))];
    span.events.push({
      timeUnixNano: span.startTimeUnixNano + Math.floor(span.durationNano * 0.9),
      name: 'exception',
      attributes: [
        text('exception.type', 'com.acme.payment.CardDeclinedException'),
        text('exception.message', 'card declined by issuer (code 51)'),
        text('exception.stacktrace', STACK),
        text('exception.escaped', 'true'),
      ],
      droppedAttributesCount: 0,
    });
    for (let climbed = 0; span && climbed < 3; climbed++, span = span.parent) {
      span.status = {
        code: 'error',
        message: climbed === 0 ? 'card declined by issuer (code 51)' : `${span.name}: upstream answered 502`,
      };
      const status = span.attributes.find((attribute) => attribute.key === 'http.response.status_code');
      if (status) status.value = { intValue: climbed === 0 ? '402' : '502' };
    }
  }
}

function finish({ traceId, isOpen, startNanoseconds, resources, spans }) {
  const ordered = [];
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const children = new Map();
  for (const span of spans) {
    const key = byId.has(span.parentSpanId) ? span.parentSpanId : '';
    children.set(key, [...(children.get(key) ?? []), span]);
  }
  const stack = [...(children.get('') ?? [])].reverse();
  while (stack.length > 0) {
    const span = stack.pop();
    ordered.push(span);
    const below = (children.get(span.spanId) ?? []).sort((a, b) => a.startTimeUnixNano - b.startTimeUnixNano);
    stack.push(...below.reverse());
  }
  const end = Math.max(...spans.map((span) => span.startTimeUnixNano + span.durationNano));
  const absolute = (offset) => (startNanoseconds + BigInt(Math.floor(offset))).toString();
  const services = new Map();
  for (const span of ordered) {
    const count = services.get(span.service) ?? { name: span.service, spanCount: 0, errorCount: 0 };
    count.spanCount++;
    if (span.status.code === 'error') count.errorCount++;
    services.set(span.service, count);
  }
  const errorCount = ordered.filter((span) => span.status.code === 'error').length;
  const summary = {
    traceId,
    rootService: ordered[0].service,
    rootOperation: ordered[0].name,
    startTimeUnixNano: absolute(0),
    durationNano: String(Math.floor(end)),
    spanCount: ordered.length,
    errorCount,
    orphanCount: ordered.filter((span) => span.parentSpanId && !byId.has(span.parentSpanId)).length,
    open: isOpen,
    services: [...services.values()].sort((a, b) => b.spanCount - a.spanCount || (a.name < b.name ? -1 : 1)),
  };
  const trace = {
    traceId,
    open: isOpen,
    startTimeUnixNano: summary.startTimeUnixNano,
    durationNano: summary.durationNano,
    spanCount: ordered.length,
    errorCount,
    resources,
    scopes: [
      {
        name: 'io.opentelemetry.shop',
        version: '2.4.0',
        attributes: [],
        droppedAttributesCount: 0,
        schemaUrl: '',
      },
    ],
    spans: ordered.map(
      ({ service: _service, parent: _parent, depth: _depth, children: _children, ...span }) => ({
        ...span,
        startTimeUnixNano: absolute(span.startTimeUnixNano),
        durationNano: String(Math.floor(span.durationNano)),
        events: span.events.map((event) => ({ ...event, timeUnixNano: absolute(event.timeUnixNano) })),
      }),
    ),
  };
  return { summary, trace };
}

// `now` in milliseconds. The first trace is the largest, with `largeSpanCount` spans.
export function makeTraces({ now, count = 140, largeSpanCount = 10_000 }) {
  const next = random(7);
  const made = [];
  let age = 4_000;
  for (let index = 0; index < count; index++) {
    age += Math.floor(next() * next() * 60_000);
    const spanCount = index === 5 ? largeSpanCount : index === 2 ? 64 : 1 + Math.floor(next() * next() * 90);
    made.push(
      makeTrace({
        seed: 1000 + index,
        startNanoseconds: BigInt(now - age) * 1_000_000n + 123_456n,
        spanCount,
        isFailing: index === 5 || index === 2 || next() > 0.82,
        isOpen: index < 2,
        hasOrphan: index === 2 || next() > 0.94,
        link:
          index === 2
            ? { traceId: made[1].summary.traceId, spanId: made[1].trace.spans[0].spanId }
            : undefined,
      }),
    );
  }
  return made;
}

export { SERVICES, CALLS };
