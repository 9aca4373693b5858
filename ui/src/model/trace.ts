// A trace as the views need it: spans in display order (depth first, siblings by start), with the tree and
// the times in flat typed arrays, so that 100,000 spans cost no object per row and painting allocates nothing.
//
// Times are nanoseconds after the trace's first span. Index 0 is the first row; a parent always has a
// smaller index than its children, and the descendants of i are exactly i+1 … subtreeEnd[i]-1.

import type { Span, Trace } from '../client/types';
import { selfTimes } from './self_time';

export interface TraceModel {
  readonly source: Trace;
  readonly spans: readonly Span[];
  readonly count: number;
  readonly start: Float64Array;
  readonly duration: Float64Array;
  readonly self: Float64Array;
  readonly parent: Int32Array; // -1: no parent in this trace
  readonly depth: Int32Array;
  readonly subtreeEnd: Int32Array;
  readonly subtreeUntil: Float64Array; // when the last span of the subtree ended
  readonly childCount: Int32Array;
  readonly siblingIndex: Int32Array; // 1-based position among its siblings
  readonly service: Int32Array; // index into services
  readonly isError: Uint8Array;
  readonly isOrphan: Uint8Array; // has a parent id, but that span is not in this trace
  readonly hasErrorBelow: Uint8Array;
  readonly services: readonly string[];
  readonly startNanoseconds: bigint;
  readonly length: number; // nanoseconds from the first start to the last end, at least 1
  readonly depthMax: number; // 1 for a trace of roots only
  readonly errorCount: number;
  readonly orphanCount: number;
  readonly indexById: ReadonlyMap<string, number>;
}

export function serviceOf(trace: Trace, span: Span): string {
  return trace.resources[span.resource]?.service || 'unknown service';
}

export function buildTrace(trace: Trace): TraceModel {
  const order = displayOrder(trace.spans);
  const spans = order.rows.map((row) => trace.spans[row] as Span);
  const count = spans.length;
  const model = {
    source: trace,
    spans,
    count,
    start: new Float64Array(count),
    duration: new Float64Array(count),
    self: new Float64Array(count),
    parent: order.parent,
    depth: new Int32Array(count),
    subtreeEnd: new Int32Array(count),
    subtreeUntil: new Float64Array(count),
    childCount: new Int32Array(count),
    siblingIndex: new Int32Array(count),
    service: new Int32Array(count),
    isError: new Uint8Array(count),
    isOrphan: new Uint8Array(count),
    hasErrorBelow: new Uint8Array(count),
    services: [] as string[],
    startNanoseconds: earliestStart(spans),
    length: 1,
    depthMax: 0,
    errorCount: 0,
    orphanCount: 0,
    indexById: new Map<string, number>(),
  };
  const serviceIndex = new Map<string, number>();
  let rootCount = 0;
  for (let index = 0; index < count; index++) {
    const span = spans[index] as Span;
    const parent = model.parent[index] as number;
    model.start[index] = Number(BigInt(span.startTimeUnixNano) - model.startNanoseconds);
    model.duration[index] = Number(span.durationNano);
    const end = (model.start[index] as number) + (model.duration[index] as number);
    model.subtreeUntil[index] = end;
    model.length = Math.max(model.length, end);
    model.depth[index] = parent < 0 ? 0 : (model.depth[parent] as number) + 1;
    model.depthMax = Math.max(model.depthMax, (model.depth[index] as number) + 1);
    model.siblingIndex[index] = parent < 0 ? ++rootCount : ++(model.childCount[parent] as number);
    if (!model.indexById.has(span.spanId)) model.indexById.set(span.spanId, index);
    if (span.status.code === 'error') {
      model.isError[index] = 1;
      model.errorCount++;
    }
    if (parent < 0 && span.parentSpanId !== '') {
      model.isOrphan[index] = 1;
      model.orphanCount++;
    }
    const name = serviceOf(trace, span);
    let service = serviceIndex.get(name);
    if (service === undefined) {
      service = model.services.push(name) - 1;
      serviceIndex.set(name, service);
    }
    model.service[index] = service;
  }
  closeSubtrees(model);
  selfTimes(model);
  return model;
}

// Children come after their parents, so one pass from the end carries extents and errors upward.
function closeSubtrees(model: {
  count: number;
  parent: Int32Array;
  subtreeEnd: Int32Array;
  subtreeUntil: Float64Array;
  isError: Uint8Array;
  hasErrorBelow: Uint8Array;
}): void {
  for (let index = model.count - 1; index >= 0; index--) {
    model.subtreeEnd[index] = Math.max(model.subtreeEnd[index] as number, index + 1);
    const parent = model.parent[index] as number;
    if (parent < 0) continue;
    model.subtreeEnd[parent] = Math.max(
      model.subtreeEnd[parent] as number,
      model.subtreeEnd[index] as number,
    );
    model.subtreeUntil[parent] = Math.max(
      model.subtreeUntil[parent] as number,
      model.subtreeUntil[index] as number,
    );
    if (model.isError[index] || model.hasErrorBelow[index]) model.hasErrorBelow[parent] = 1;
  }
}

function earliestStart(spans: readonly Span[]): bigint {
  let earliest: bigint | null = null;
  for (const span of spans) {
    const start = BigInt(span.startTimeUnixNano);
    if (earliest === null || start < earliest) earliest = start;
  }
  return earliest ?? 0n;
}

// Depth first without recursion. Spans may come from anywhere, so an id may repeat (Zipkin's shared spans)
// and parents may form a cycle: a repeated id belongs to its first span, and a cycle is cut at its first.
function displayOrder(spans: readonly Span[]): { rows: number[]; parent: Int32Array } {
  const byId = new Map<string, number>();
  spans.forEach((span, index) => {
    if (!byId.has(span.spanId)) byId.set(span.spanId, index);
  });
  const starts = spans.map((span) => BigInt(span.startTimeUnixNano));
  const children = new Map<number, number[]>();
  const roots: number[] = [];
  spans.forEach((span, index) => {
    const parent = span.parentSpanId === '' ? undefined : byId.get(span.parentSpanId);
    if (parent === undefined || parent === index) roots.push(index);
    else if (children.has(parent)) (children.get(parent) as number[]).push(index);
    else children.set(parent, [index]);
  });
  const earlierFirst = (a: number, b: number) => {
    const difference = (starts[a] as bigint) - (starts[b] as bigint);
    if (difference !== 0n) return difference < 0n ? -1 : 1;
    return (spans[a] as Span).spanId < (spans[b] as Span).spanId ? -1 : 1;
  };
  const rows: number[] = [];
  const parent = new Int32Array(spans.length).fill(-1);
  const isPlaced = new Uint8Array(spans.length);
  const visit = (root: number) => {
    const stack: [span: number, parentRow: number][] = [[root, -1]];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const [span, parentRow] = next;
      if (isPlaced[span]) continue;
      isPlaced[span] = 1;
      const row = rows.push(span) - 1;
      parent[row] = parentRow;
      const below = children.get(span);
      if (!below) continue;
      below.sort(earlierFirst);
      for (let index = below.length - 1; index >= 0; index--) stack.push([below[index] as number, row]);
    }
  };
  roots.sort(earlierFirst).forEach(visit);
  for (let index = 0; index < spans.length; index++) if (!isPlaced[index]) visit(index);
  return { rows, parent };
}
