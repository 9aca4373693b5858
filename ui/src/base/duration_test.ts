import { describe, expect, test } from 'vitest';
import { durationLabeler, formatDuration, parseDuration } from './duration';

describe('formatDuration', () => {
  test.each([
    [0, '0'],
    [1, '1 ns'],
    [999, '999 ns'],
    [1_000, '1 µs'],
    [1_234, '1.23 µs'],
    [12_345, '12.3 µs'],
    [123_456, '123 µs'],
    [999_600, '1 ms'],
    [1_500_000, '1.5 ms'],
    [20_000_000, '20 ms'],
    [999_499_999, '999 ms'],
    [1_000_000_000, '1 s'],
    [59_900_000_000, '59.9 s'],
    [60_000_000_000, '1 m'],
    [100_000_000_000, '1 m 40 s'],
    [3_600_000_000_000, '1 h'],
    [90_061_000_000_000, '1 d 1 h'],
    [-1_500_000, '−1.5 ms'],
  ])('%d ns reads %s', (nanoseconds, text) => expect(formatDuration(nanoseconds)).toBe(text));
});

describe('parseDuration', () => {
  test.each([
    ['250ms', 250e6],
    ['1.5s', 1.5e9],
    ['2m', 120e9],
    ['1m30s', 90e9],
    ['10 us', 10e3],
    ['3µs', 3e3],
    ['7ns', 7],
    ['1h', 3600e9],
  ])('%s is %d ns', (text, nanoseconds) => expect(parseDuration(text)).toBe(nanoseconds));

  test.each(['', '5', 'ms', '-1s', '1 x', '1.s', '1s oops'])('%j is no duration', (text) =>
    expect(parseDuration(text)).toBeNull(),
  );
});

test('labels of one axis share unit and decimals', () => {
  const label = durationLabeler(500_000, 2_500_000);
  expect([0, 500_000, 2_000_000].map(label)).toEqual(['0.0 ms', '0.5 ms', '2.0 ms']);
});
