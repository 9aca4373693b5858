import { describe, expect, test } from 'vitest';
import type { ErrorOrigin } from '../client/types';
import { driftSteps, isSwallowed, originSearch } from './error_origins';
import { policyGroups } from './policies';

const origin: ErrorOrigin = {
  service: 'bank',
  operation: 'POST "/charge"',
  code: 'permission-denied',
  driftChain: 'permission-denied -> not-found -> ok',
  count: 3,
  roots: [],
  firstTimeUnixNano: '0',
  lastTimeUnixNano: '0',
  exampleTraceId: '',
};

describe('error origins', () => {
  test('the chain is told step by step, and that it was swallowed', () => {
    expect(driftSteps(origin)).toEqual(['permission-denied', 'not-found', 'ok']);
    expect(isSwallowed(origin)).toBe(true);
    expect(driftSteps({ ...origin, driftChain: '' })).toEqual(['permission-denied']);
  });
  test('the search quotes what stands in names', () => {
    const q = new URLSearchParams(originSearch(origin, true).replace('/search?', '')).get('q');
    expect(q).toBe('{ resource.service.name = "bank" && name = "POST \\"/charge\\"" && status = error }');
  });
  test('an origin without spans of its own is searched by what its caller did', () => {
    const q = new URLSearchParams(originSearch(origin, false).replace('/search?', '')).get('q');
    expect(q).toBe('{ name = "POST \\"/charge\\"" && status = error }');
  });
});

describe('policies', () => {
  test('groups stand in the order in which they are asked, empty ones are left out', () => {
    const policy = { type: 't', says: '', warnings: [], decided: 0 };
    const groups = policyGroups([
      { ...policy, name: 'rest', asked: 'of_the_rest' },
      { ...policy, name: 'errors', asked: 'keeps' },
      { ...policy, name: 'slow', asked: 'keeps' },
    ]);
    expect(groups.map((group) => group.policies.map(({ name }) => name))).toEqual([
      ['errors', 'slow'],
      ['rest'],
    ]);
  });
});
