import { describe, expect, test } from 'vitest';
import type { Decision, Why } from '../client/types';
import { decisionText, decisive, evidenceText, keeperText, otherVotes, reopenUntil } from './why';

const kept: Decision = {
  verdict: 'kept',
  cause: 'window',
  early: false,
  policy: 'errors',
  voted: ['errors', 'slow'],
  openedTimeUnixNano: '1700000000000000000',
  decidedTimeUnixNano: '1700000005000000000',
  durationNano: '120000000',
  spanCount: 9,
  errorCount: 2,
  lateSpanCount: 0,
  weight: 1,
  policySet: 1,
};
const dropped: Decision = { ...kept, verdict: 'dropped', policy: '', voted: [], errorCount: 0 };
const why = (verdict: 'kept' | 'dropped', decisions: Decision[]): Why => ({
  traceId: 'a'.repeat(32),
  verdict,
  partial: false,
  reopenUntilUnixNano: '0',
  decisions,
});

describe('why', () => {
  test('a kept trace names who kept it, and who else voted', () => {
    expect(decisionText(kept)).toBe('Kept by errors when its window ended.');
    expect(otherVotes(kept)).toEqual(['slow']);
    expect(evidenceText(kept)).toBe('9 spans, 2 with an error, 120 ms');
  });
  test('a dropped trace says that nobody kept it, or who dropped it', () => {
    expect(decisionText(dropped)).toBe('No policy kept it; dropped when its window ended.');
    expect(decisionText({ ...dropped, policy: 'health' })).toBe('health dropped it when its window ended.');
    expect(evidenceText({ ...dropped, spanCount: 1 })).toBe('1 span, no error, 120 ms');
  });
  test('a person and another node are told as such', () => {
    expect(keeperText({ ...kept, policy: '', cause: 'person' })).toBe('a person');
    expect(keeperText({ ...kept, policy: '', cause: 'peer' })).toBe('another node');
    expect(decisionText({ ...kept, policy: '', cause: 'person' })).toBe(
      'Kept because a person asked for it.',
    );
  });
  test('the decision that holds is the last one with the verdict of the trace', () => {
    const late = { ...dropped, lateSpanCount: 2 };
    expect(decisive(why('kept', [dropped, kept, late]))).toBe(kept);
    expect(decisive(why('dropped', [dropped, late]))).toBe(late);
    expect(decisive(why('dropped', []))).toBeNull();
  });
  test('zero means that it cannot be taken back', () => {
    expect(reopenUntil(why('dropped', [dropped]))).toBeNull();
    expect(reopenUntil({ ...why('dropped', []), reopenUntilUnixNano: '1700000600000000000' })).toBe(
      1_700_000_600_000,
    );
  });
});
