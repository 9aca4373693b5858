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
  // Some of it is stored and cannot be read, or may be with who is missing.
  partial: boolean;
  missing?: string[]; // nodes that did not answer
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
  missing?: string[]; // nodes that did not answer
}

export interface Operation {
  name: string;
  kind: SpanKind;
}

export interface AttributeName {
  scope: string;
  name: string;
}

export type Verdict = 'kept' | 'dropped';
export type DecisionCause =
  'window' | 'early_at_cap' | 'early_at_size' | 'drain' | 'reopened' | 'person' | 'peer';

export interface Decision {
  verdict: Verdict;
  cause: DecisionCause;
  early: boolean; // before the window ended
  policy: string; // '' where none decided
  voted: string[];
  openedTimeUnixNano: string;
  decidedTimeUnixNano: string;
  durationNano: string;
  spanCount: number;
  errorCount: number;
  lateSpanCount: number;
  weight: number;
  policySet: number;
}

export interface Why {
  traceId: string;
  verdict: Verdict;
  partial: boolean;
  reopenUntilUnixNano: string; // '0': a drop cannot be taken back, or not any more
  decisions: Decision[]; // oldest first
}

export interface PolicyInForce {
  name: string;
  type: string;
  asked: 'drops' | 'keeps' | 'of_the_rest';
  says: string;
  warnings: string[];
  decided: number; // traces, since the server started
}

export interface PolicyFigures {
  kept: number;
  dropped: number;
  early: number;
  reopened: number;
  regretted: number;
  lateSpans: number;
  failures: number;
  graceTraces: number;
  graceBytes: number;
  graceCut: number;
}

export interface Policies {
  summary: string;
  policies: PolicyInForce[]; // in the order in which they are asked; none: every trace is kept
  notes: string[];
  figures: PolicyFigures;
}

export interface HealthWarning {
  code: string;
  count: number;
  text: string;
}

export interface ErrorOrigin {
  service: string;
  operation: string;
  code: string;
  driftChain: string; // ends with "ok" where the failure was swallowed
  count: number;
  roots: { service: string; count: number }[];
  firstTimeUnixNano: string;
  lastTimeUnixNano: string;
  exampleTraceId: string;
}

export interface SdkLoss {
  service: string;
  instance: string;
  spans: number;
  reasons: { reason: string; spans: number }[];
  firstTimeUnixNano: string;
  lastTimeUnixNano: string;
}
