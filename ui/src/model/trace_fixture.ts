// Traces for tests, written as a tree in text: one span a line, two spaces a level,
//   <id> <service> <start>+<duration> [error] [parent=<id>]

import type { Span, Trace } from '../client/types';

export function traceFromText(text: string): Trace {
  const services: string[] = [];
  const above: string[] = [];
  const spans: Span[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const level = (line.length - line.trimStart().length) / 2;
    const [id, service, times, ...marks] = line.trim().split(/\s+/) as [string, string, string, ...string[]];
    const [start, duration] = times.split('+') as [string, string];
    if (!services.includes(service)) services.push(service);
    above[level] = id;
    const parent = marks.find((mark) => mark.startsWith('parent='))?.slice('parent='.length);
    spans.push({
      spanId: id,
      parentSpanId: parent ?? (level > 0 ? (above[level - 1] as string) : ''),
      resource: services.indexOf(service),
      scope: 0,
      name: `call ${id}`,
      kind: 'server',
      startTimeUnixNano: (1_700_000_000_000_000_000n + BigInt(start)).toString(),
      durationNano: duration,
      status: { code: marks.includes('error') ? 'error' : 'unset', message: '' },
      traceState: '',
      flags: 1,
      attributes: [],
      droppedAttributesCount: 0,
      events: [],
      droppedEventsCount: 0,
      links: [],
      droppedLinksCount: 0,
    });
  }
  return {
    traceId: '0'.repeat(31) + '1',
    open: false,
    partial: false,
    startTimeUnixNano: spans[0]?.startTimeUnixNano ?? '0',
    durationNano: '0',
    spanCount: spans.length,
    errorCount: 0,
    resources: services.map((service) => ({
      service,
      attributes: [],
      droppedAttributesCount: 0,
      schemaUrl: '',
    })),
    scopes: [{ name: '', version: '', attributes: [], droppedAttributesCount: 0, schemaUrl: '' }],
    spans,
  };
}
