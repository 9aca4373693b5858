// What the search form holds, as the query of its address, and as the question to the server.

import { parseDuration } from '../base/duration';
import { parseTags } from '../base/logfmt';
import { millisecondsToNanoseconds } from '../base/time';

export type Sort = 'newest' | 'longest' | 'spans' | 'errors';

export interface SearchQuery {
  q: string; // TraceQL; must hold beside the other filters
  service: string;
  operation: string;
  tags: string;
  minDuration: string;
  maxDuration: string;
  range: string; // a key of RANGES, or 'custom'
  from: number | null; // milliseconds; for 'custom' only
  to: number | null;
  limit: number;
  sort: Sort;
  isLive: boolean;
}

export const RANGES: readonly { key: string; label: string; milliseconds: number | null }[] = [
  { key: '5m', label: '5m', milliseconds: 5 * 60_000 },
  { key: '15m', label: '15m', milliseconds: 15 * 60_000 },
  { key: '1h', label: '1h', milliseconds: 3_600_000 },
  { key: '6h', label: '6h', milliseconds: 6 * 3_600_000 },
  { key: '24h', label: '24h', milliseconds: 24 * 3_600_000 },
  { key: 'all', label: 'All', milliseconds: null },
];
export const LIMITS = [20, 50, 100, 250, 500, 1500] as const;
export const SORTS: readonly { key: Sort; label: string }[] = [
  { key: 'newest', label: 'Newest first' },
  { key: 'longest', label: 'Longest first' },
  { key: 'spans', label: 'Most spans' },
  { key: 'errors', label: 'Most errors' },
];

export const EMPTY_QUERY: SearchQuery = {
  q: '',
  service: '',
  operation: '',
  tags: '',
  minDuration: '',
  maxDuration: '',
  range: 'all',
  from: null,
  to: null,
  limit: 50,
  sort: 'newest',
  isLive: false,
};

const TEXT_FIELDS = ['q', 'service', 'operation', 'tags', 'minDuration', 'maxDuration'] as const;

export function readSearchQuery(search: string): SearchQuery {
  const parameters = new URLSearchParams(search);
  const query: SearchQuery = { ...EMPTY_QUERY };
  for (const field of TEXT_FIELDS) query[field] = parameters.get(field) ?? '';
  const range = parameters.get('range') ?? EMPTY_QUERY.range;
  if (range === 'custom' || RANGES.some((known) => known.key === range)) query.range = range;
  if (query.range === 'custom') {
    query.from = readMilliseconds(parameters.get('from'));
    query.to = readMilliseconds(parameters.get('to'));
  }
  const limit = Number(parameters.get('limit'));
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1500) query.limit = limit;
  const sort = SORTS.find((known) => known.key === parameters.get('sort'));
  if (sort) query.sort = sort.key;
  query.isLive = parameters.get('live') === '1';
  return query;
}

function readMilliseconds(text: string | null): number | null {
  return text && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

export function writeSearchQuery(query: SearchQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const field of TEXT_FIELDS) if (query[field]) parameters.set(field, query[field]);
  if (query.range !== EMPTY_QUERY.range) parameters.set('range', query.range);
  if (query.range === 'custom') {
    if (query.from !== null) parameters.set('from', String(query.from));
    if (query.to !== null) parameters.set('to', String(query.to));
  }
  if (query.limit !== EMPTY_QUERY.limit) parameters.set('limit', String(query.limit));
  if (query.sort !== EMPTY_QUERY.sort) parameters.set('sort', query.sort);
  if (query.isLive) parameters.set('live', '1');
  return parameters;
}

export function toServerParameters(query: SearchQuery, now: number): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const field of TEXT_FIELDS) {
    const text = query[field].trim();
    if (text) parameters.set(field, field.endsWith('Duration') ? text.replace(/\s+/g, '') : text);
  }
  const { from, to } = timeBounds(query, now);
  if (from !== null) parameters.set('start', millisecondsToNanoseconds(from));
  if (to !== null) parameters.set('end', millisecondsToNanoseconds(to));
  parameters.set('limit', String(query.limit));
  return parameters;
}

// A preset ends at no fixed time: a trace whose clock runs ahead should still be found.
export function timeBounds(query: SearchQuery, now: number): { from: number | null; to: number | null } {
  if (query.range === 'custom') return { from: query.from, to: query.to };
  const range = RANGES.find((known) => known.key === query.range);
  return { from: range?.milliseconds ? now - range.milliseconds : null, to: null };
}

export interface Problems {
  tags?: string;
  minDuration?: string;
  maxDuration?: string;
  range?: string;
}

export function findProblems(query: SearchQuery): Problems {
  const problems: Problems = {};
  const tags = parseTags(query.tags);
  if ('problem' in tags) problems.tags = tags.problem;
  const min = query.minDuration.trim() === '' ? null : parseDuration(query.minDuration);
  const max = query.maxDuration.trim() === '' ? null : parseDuration(query.maxDuration);
  if (query.minDuration.trim() !== '' && min === null)
    problems.minDuration = 'write a duration like 250ms or 1.5s';
  if (query.maxDuration.trim() !== '' && max === null)
    problems.maxDuration = 'write a duration like 250ms or 1.5s';
  if (min !== null && max !== null && min > max) problems.maxDuration = 'this is below the minimum';
  if (query.from !== null && query.to !== null && query.from >= query.to)
    problems.range = 'the end is before the start';
  return problems;
}

export function isFiltered(query: SearchQuery): boolean {
  return TEXT_FIELDS.some((field) => query[field] !== '') || query.range !== 'all';
}

// Something is asked of spans, so that it is worth showing which of them match.
export function asksForSpans(query: SearchQuery): boolean {
  return TEXT_FIELDS.some((field) => query[field].trim() !== '' && !/^\{\s*\}$/.test(query[field].trim()));
}

// A trace id as people paste it: in any case, with dashes or spaces, 16 or 32 digits. Null if it is none.
export function readTraceId(text: string): string | null {
  const digits = text.trim().toLowerCase().replace(/^0x/, '').replace(/[-\s]/g, '');
  return /^[0-9a-f]{1,32}$/.test(digits) && digits.length >= 16 ? digits : null;
}
