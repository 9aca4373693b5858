// The native API's answers, field for field as docs/formats/native-api.md has them.

export type SpanKind = 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';
export type StatusCode = 'unset' | 'ok' | 'error';

export interface Value {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string;
  doubleValue?: number | string;
  bytesValue?: string;
  arrayValue?: { values: Value[] };
  kvlistValue?: { values: Attribute[] };
}

export interface Attribute {
  key: string;
  value: Value;
}

export interface Resource {
  service: string;
  attributes: Attribute[];
  droppedAttributesCount: number;
  schemaUrl: string;
}

export interface Scope {
  name: string;
  version: string;
  attributes: Attribute[];
  droppedAttributesCount: number;
  schemaUrl: string;
}

export interface SpanEvent {
  timeUnixNano: string;
  name: string;
  attributes: Attribute[];
  droppedAttributesCount: number;
}

export interface SpanLink {
  traceId: string;
  spanId: string;
  traceState: string;
  flags: number;
  attributes: Attribute[];
  droppedAttributesCount: number;
}

export interface Span {
  spanId: string;
  parentSpanId: string;
  resource: number;
  scope: number;
  name: string;
  kind: SpanKind;
  startTimeUnixNano: string;
  durationNano: string;
  status: { code: StatusCode; message: string };
  traceState: string;
  flags: number;
  attributes: Attribute[];
  droppedAttributesCount: number;
  events: SpanEvent[];
  droppedEventsCount: number;
  links: SpanLink[];
  droppedLinksCount: number;
}

export interface Trace {
  traceId: string;
  open: boolean;
  // Some of it is stored and cannot be read.
  partial: boolean;
  startTimeUnixNano: string;
  durationNano: string;
  spanCount: number;
  errorCount: number;
  resources: Resource[];
  scopes: Scope[];
  spans: Span[];
}

export interface ServiceCount {
  name: string;
  spanCount: number;
  errorCount: number;
}

export interface TraceSummary {
  traceId: string;
  rootService: string;
  rootOperation: string;
  startTimeUnixNano: string;
  durationNano: string;
  spanCount: number;
  errorCount: number;
  orphanCount: number;
  open: boolean;
  services: ServiceCount[];
}

// A span that the query matched, with what the query compares or selects.
export interface MatchedSpan {
  spanId: string;
  service: string;
  name: string;
  startTimeUnixNano: string;
  durationNano: string;
  attributes: Attribute[];
}

export interface FoundTrace extends TraceSummary {
  matchedSpans: number;
  spans: MatchedSpan[]; // the first of them
}

export interface SearchAnswer {
  traces: FoundTrace[];
  next?: string; // the cursor of the next page, where there is one
  partial: boolean;
}

export interface Operation {
  name: string;
  kind: SpanKind;
}

export interface AttributeName {
  scope: string;
  name: string;
}
