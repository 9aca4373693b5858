import { describe, expect, test } from 'vitest';
import type { FoundTrace } from '../client/types';
import { findAttribute, formatValue, formatValueLong, sortedAttributes, valueType } from './attributes';
import { errorSpans, findSpans, neighbour } from './find';
import { toResults } from './results';
import { SERVICE_COLOR_COUNT, serviceColors } from './service_colors';
import { parseStackTrace } from './stack_trace';
import { buildTrace } from './trace';
import { traceFromText } from './trace_fixture';
import { around, fitViewport, isFull, pan, zoomAround } from './viewport';

describe('values', () => {
  test('integers keep every digit, also nested', () => {
    expect(formatValue({ intValue: '9223372036854775807' })).toBe('9223372036854775807');
    expect(formatValue({ arrayValue: { values: [{ intValue: '9223372036854775807' }] } })).toBe(
      '[9223372036854775807]',
    );
  });
  test.each([
    [{ stringValue: '' }, ''],
    [{ boolValue: false }, 'false'],
    [{ doubleValue: 0.5 }, '0.5'],
    [{ doubleValue: 'NaN' }, 'NaN'],
    [{ bytesValue: 'AAE=' }, 'AAE='],
    [{ kvlistValue: { values: [{ key: 'a', value: { stringValue: 'x' } }] } }, '{"a": "x"}'],
    [{}, 'null'],
  ])('%j reads %s', (value, text) => expect(formatValue(value)).toBe(text));
  test('a long list takes lines', () => {
    const values = Array.from({ length: 20 }, (_, index) => ({ stringValue: `item ${index}` }));
    expect(formatValueLong({ arrayValue: { values } }).split('\n')).toHaveLength(22);
  });
  test('types and lookups', () => {
    expect(valueType({ intValue: '1' })).toBe('number');
    const attributes = [
      { key: 'b', value: { stringValue: '2' } },
      { key: 'a', value: { boolValue: true } },
    ];
    expect(sortedAttributes(attributes).map(({ key }) => key)).toEqual(['a', 'b']);
    expect(findAttribute(attributes, 'a')).toBe('true');
    expect(findAttribute(attributes, 'c')).toBeUndefined();
  });
});

describe('finding', () => {
  const trace = traceFromText('a web 0+9\n  b cart 1+2 error\n  c db 4+2 error');
  trace.spans[2]?.attributes.push({ key: 'db.system', value: { stringValue: 'PostgreSQL 16' } });
  const model = buildTrace(trace);
  test.each([
    ['', []],
    ['CART', [1]],
    ['call', [0, 1, 2]],
    ['call db', [2]],
    ['db.system=postgres', [2]],
    ['db.system=sql', [2]],
    ['system=postgres', []],
    ['error', [1, 2]],
  ])('%j matches %j', (text, expected) => expect(findSpans(model, text)).toEqual(expected));
  test('the next error goes round', () => {
    const errors = errorSpans(model);
    expect([neighbour(errors, -1, 1), neighbour(errors, 1, 1), neighbour(errors, 2, 1)]).toEqual([1, 2, 1]);
    expect([neighbour(errors, 1, -1), neighbour([], 0, 1)]).toEqual([2, -1]);
  });
});

describe('the viewport', () => {
  test('zooming keeps the anchor in place', () => {
    expect(zoomAround({ from: 0, to: 1000 }, 250, 0.5, 1000)).toEqual({ from: 125, to: 625 });
  });
  test('zooming out ends at the whole trace', () => {
    expect(isFull(zoomAround({ from: 400, to: 600 }, 500, 10, 1000), 1000)).toBe(true);
  });
  test('zooming in has an end', () => {
    const { from, to } = zoomAround({ from: 500, to: 510 }, 505, 0.001, 1000);
    expect(to - from).toBe(10);
  });
  test('panning stops at the edges', () =>
    expect(pan({ from: 800, to: 900 }, 500, 1000)).toEqual({ from: 900, to: 1000 }));
  test('a reversed range is put right', () =>
    expect(fitViewport(700, 200, 1000)).toEqual({ from: 200, to: 700 }));
  test('a span gets air', () => expect(around(400, 100, 1000)).toEqual({ from: 390, to: 510 }));
});

describe('service colours', () => {
  const names = Array.from({ length: SERVICE_COLOR_COUNT }, (_, index) => `service-${index}`);
  test('differ while there are enough', () =>
    expect(new Set(serviceColors(names).values()).size).toBe(SERVICE_COLOR_COUNT));
  test('depend on the set, not on its order', () =>
    expect(serviceColors([...names].reverse())).toEqual(serviceColors(names)));
  test('are valid beyond the palette', () => {
    const many = serviceColors([...names, ...names.map((name) => `${name}-b`)]);
    expect([...many.values()].every((color) => color >= 0 && color < SERVICE_COLOR_COUNT)).toBe(true);
  });
});

test('stack lines have roles', () => {
  const text =
    'java.io.IOException: broken\r\n\tat com.acme.Cart.add(Cart.java:7)\n' +
    '\tat java.base/java.lang.Thread.run(Thread.java:1)\nnote\n';
  expect(parseStackTrace(text).map(({ role }) => role)).toEqual(['message', 'frame', 'library', 'plain']);
});

test('results are ordered and measured against the longest', () => {
  const summary = (traceId: string, durationNano: string, errorCount: number) =>
    ({ traceId, durationNano, errorCount, spanCount: 1, startTimeUnixNano: '1000000' }) as FoundTrace;
  const traces = [summary('a', '50', 0), summary('b', '100', 1), summary('c', '25', 1)];
  expect(toResults(traces, 'newest').map(({ share }) => share)).toEqual([0.5, 1, 0.25]);
  expect(toResults(traces, 'longest').map(({ summary: { traceId } }) => traceId)).toEqual(['b', 'a', 'c']);
  expect(toResults(traces, 'errors').map(({ summary: { traceId } }) => traceId)).toEqual(['b', 'c', 'a']);
});
