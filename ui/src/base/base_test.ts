import { describe, expect, test } from 'vitest';
import { formatTag, parseTags } from './logfmt';
import { clamp, formatCount, niceTicks, plural } from './number';
import { formatAgo, formatInstantExact, millisecondsToNanoseconds, nanosecondsToMilliseconds } from './time';

describe('tags', () => {
  test('plain and quoted values are read', () => {
    expect(parseTags('http.status_code=500  user.id="a b"')).toEqual({
      tags: [
        { key: 'http.status_code', value: '500' },
        { key: 'user.id', value: 'a b' },
      ],
    });
  });
  test('a value may hold an equals sign', () =>
    expect(parseTags('q=a=b')).toEqual({ tags: [{ key: 'q', value: 'a=b' }] }));
  test('escapes within quotes are undone', () => {
    expect(parseTags('m="say \\"hi\\""')).toEqual({ tags: [{ key: 'm', value: 'say "hi"' }] });
  });
  test('nothing is no tags', () => expect(parseTags('  ')).toEqual({ tags: [] }));
  test.each(['key', '=1', 'a="open', 'a=1 b'])('%j has a problem', (text) =>
    expect(parseTags(text)).toHaveProperty('problem'),
  );
  test.each(['500', 'a b', 'say "hi"', 'back\\slash', ''])(
    'value %j survives writing and reading',
    (value) => {
      expect(parseTags(formatTag({ key: 'k', value }))).toEqual({ tags: [{ key: 'k', value }] });
    },
  );
});

describe('time', () => {
  test('nanoseconds beyond 2^53 keep their milliseconds', () => {
    expect(nanosecondsToMilliseconds('1700000000123456789')).toBe(1_700_000_000_123);
    expect(millisecondsToNanoseconds(1_700_000_000_123)).toBe('1700000000123000000');
  });
  test('an exact instant shows all nine digits', () => {
    expect(formatInstantExact('1700000000000000007')).toBe('2023-11-14T22:13:20.000000007Z');
  });
  test.each([
    [500, 'just now'],
    [5_000, '5 s ago'],
    [61_000, '1 min ago'],
    [7_200_000, '2 h ago'],
    [200_000_000, '2 d ago'],
    [-60_000, 'in the future'],
  ])('%d ms back reads %s', (back, text) =>
    expect(formatAgo(1_000_000_000 - back, 1_000_000_000)).toBe(text),
  );
});

describe('numbers', () => {
  test('counts are grouped', () => expect(formatCount(10_000)).toBe('10,000'));
  test('one of a thing has no s', () =>
    expect([plural(1, 'span'), plural(2, 'span')]).toEqual(['1 span', '2 spans']));
  test('clamp keeps to its bounds', () =>
    expect([clamp(-1, 0, 5), clamp(9, 0, 5), clamp(3, 0, 5)]).toEqual([0, 5, 3]));
  test('ticks are round and inside', () =>
    expect(niceTicks(3, 47, 5)).toEqual({ step: 10, ticks: [10, 20, 30, 40] }));
  test('ticks of an empty range are its start', () => expect(niceTicks(4, 4, 5).ticks).toEqual([4]));
});
