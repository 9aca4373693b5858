import { describe, expect, test } from 'vitest';
import {
  EMPTY_QUERY,
  findProblems,
  readSearchQuery,
  readTraceId,
  toServerParameters,
  writeSearchQuery,
} from './search_query';
import { buildTrace } from './trace';
import { traceFromText } from './trace_fixture';
import { initialState, readTraceState, writeTraceState } from './trace_url';

describe('the address of a search', () => {
  const full = {
    ...EMPTY_QUERY,
    service: 'cart',
    operation: 'GET /cart?x=1&y',
    tags: 'http.route="/a b" error=true',
    minDuration: '250ms',
    maxDuration: '2s',
    range: 'custom',
    from: 1_700_000_000_000,
    to: 1_700_000_060_000,
    limit: 250,
    sort: 'errors' as const,
    isLive: true,
  };
  test('holds every field', () => expect(readSearchQuery(`?${writeSearchQuery(full)}`)).toEqual(full));
  test('of an empty search is empty', () => expect(writeSearchQuery(EMPTY_QUERY).toString()).toBe(''));
  test('with nonsense is an empty search', () => {
    expect(readSearchQuery('?range=2y&limit=9999&sort=up&from=x&live=yes')).toEqual(EMPTY_QUERY);
  });
  test('asks the server in its own terms', () => {
    const asked = toServerParameters({ ...full, range: '5m', from: null, to: null }, 1_700_000_300_000);
    expect(Object.fromEntries(asked)).toEqual({
      service: 'cart',
      operation: 'GET /cart?x=1&y',
      tags: 'http.route="/a b" error=true',
      minDuration: '250ms',
      maxDuration: '2s',
      start: '1700000000000000000',
      limit: '250',
    });
  });
  test('problems are named by field', () => {
    expect(findProblems({ ...EMPTY_QUERY, tags: 'x', minDuration: 'soon' })).toHaveProperty('tags');
    expect(findProblems({ ...EMPTY_QUERY, minDuration: '2s', maxDuration: '1s' })).toEqual({
      maxDuration: 'this is below the minimum',
    });
    expect(findProblems({ ...full, to: full.from })).toHaveProperty('range');
    expect(findProblems(full)).toEqual({});
  });
});

describe('a pasted trace id', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  test.each([id, id.toUpperCase(), ` ${id}\n`, `0x${id}`, '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'])(
    '%j is read',
    (text) => expect(readTraceId(text)).toBe(id),
  );
  test.each(['', 'checkout', '4bf92f35', `${id}0`])('%j is refused', (text) =>
    expect(readTraceId(text)).toBeNull(),
  );
});

describe('the address of a trace view', () => {
  const model = buildTrace(
    traceFromText(
      'aaaaaaaa00000001 web 0+1000\n  bbbbbbbb00000002 db 10+500\n    cccccccc00000003 db 20+100',
    ),
  );
  test('of a fresh view is empty', () =>
    expect(writeTraceState(initialState(model), model).toString()).toBe(''));
  test('holds every part of the state', () => {
    const state = {
      selected: 2,
      isDetailOpen: true,
      viewport: { from: 100, to: 700 },
      fold: { depth: 1, toggled: new Set([1]) },
      find: 'db.system=postgres timeout',
      isPathShown: true,
    };
    expect(readTraceState(`?${writeTraceState(state, model)}`, model)).toEqual(state);
  });
  test('with nonsense is a fresh view', () => {
    const query = '?span=ffff&detail=1&zoom=9-3&fold=x&toggle=zz,,&path=yes';
    expect(readTraceState(query, model)).toEqual(initialState(model));
  });
  test('a zoom beyond the trace is brought inside it', () => {
    expect(readTraceState('?zoom=900-5000', model).viewport).toEqual({ from: 0, to: 1000 });
  });
});
