import { expect, test } from 'vitest';
import { attributeOf, completeTraceql, fieldOf, literalOf, placeInTraceql } from './traceql_completion';

// The caret is where the bar is; bars of the language are written as ¦.
function at(marked: string) {
  const caret = marked.indexOf('|');
  return placeInTraceql(marked.replace('|', '').replaceAll('¦', '|'), caret);
}

test('an empty query offers whole ones', () => {
  expect(at('|').kind).toBe('query');
  expect(at('  |').kind).toBe('query');
});
test('a field is offered where an operand may stand', () => {
  expect(at('{ |')).toMatchObject({ kind: 'field', text: '' });
  expect(at('{ span.ht|')).toMatchObject({ kind: 'field', text: 'span.ht', start: 2, end: 9 });
  expect(at('{ sp| = 1 }')).toMatchObject({ kind: 'field', text: 'sp', start: 2, end: 4 });
  expect(at('{ status = error && |')).toMatchObject({ kind: 'field' });
  expect(at('{ !(na|')).toMatchObject({ kind: 'field', text: 'na' });
  expect(at('{ } ¦ by(resource.|')).toMatchObject({ kind: 'field', text: 'resource.' });
  expect(at('{ } ¦ select(span.a, |')).toMatchObject({ kind: 'field', text: '' });
});
test('a value is offered behind a comparison', () => {
  expect(at('{ status = |')).toMatchObject({ kind: 'value', field: 'status', text: '' });
  expect(at('{ span.http.route =~ "/c|')).toMatchObject({
    kind: 'value',
    field: 'span.http.route',
    text: '"/c',
  });
  expect(at('{ span.a="x y|" }')).toMatchObject({ kind: 'value', field: 'span.a', start: 9, end: 14 });
});
test('behind a finished comparison nothing is offered', () => {
  expect(at('{ status = error |').kind).toBe('none');
  expect(at('{ status = error } |').kind).toBe('none');
});
test('a stage is offered behind a pipe', () => {
  expect(at('{ } ¦ |')).toMatchObject({ kind: 'stage', text: '' });
  expect(at('{ } ¦ co|')).toMatchObject({ kind: 'stage', text: 'co' });
});
test('what is chosen takes the place of what was written', () => {
  const query = '{ span.ht = 1 }';
  expect(completeTraceql(query, placeInTraceql(query, 9), 'span.http.route')).toEqual({
    text: '{ span.http.route = 1 }',
    caret: 18,
  });
  expect(completeTraceql('{ status =', placeInTraceql('{ status =', 10), 'error')).toEqual({
    text: '{ status = error ',
    caret: 17,
  });
  expect(completeTraceql('', placeInTraceql('', 0), '{ resource.service.name = "…" }')).toEqual({
    text: '{ resource.service.name = "" }',
    caret: 27,
  });
});
test('attributes are written with their scope, odd names in quotes', () => {
  expect(fieldOf({ scope: 'span', name: 'http.route' })).toBe('span.http.route');
  expect(fieldOf({ scope: 'scope', name: 'x' })).toBe('instrumentation.x');
  expect(fieldOf({ scope: 'span', name: 'a b' })).toBe('span."a b"');
});
test('a field means an attribute', () => {
  expect(attributeOf('span.http.route', [])).toEqual({ scope: 'span', name: 'http.route' });
  expect(attributeOf('.host', [{ scope: 'resource', name: 'host' }])).toEqual({
    scope: 'resource',
    name: 'host',
  });
  expect(attributeOf('span."a b"', [])).toEqual({ scope: 'span', name: 'a b' });
  expect(attributeOf('duration', [])).toBeNull();
});
test('values become literals', () => {
  expect(literalOf('500')).toBe('500');
  expect(literalOf('true')).toBe('true');
  expect(literalOf('a "b"')).toBe('"a \\"b\\""');
});
