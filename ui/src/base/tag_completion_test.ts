import { describe, expect, test } from 'vitest';
import { complete, placeOf, rankByText } from './tag_completion';

// The caret is written as |.
function at(marked: string) {
  return { text: marked.replace('|', ''), place: placeOf(marked.replace('|', ''), marked.indexOf('|')) };
}

function completed(marked: string, chosen: string): string {
  const { text, place } = at(marked);
  const result = complete(text, place, chosen);
  return `${result.text.slice(0, result.caret)}|${result.text.slice(result.caret)}`;
}

describe('the place of the caret', () => {
  test.each([
    ['|', '', null],
    ['ht|', 'ht', null],
    ['a=1 ht|', 'ht', null],
    ['a=1|', 'a', '1'],
    ['a=|', 'a', ''],
    ['a="x y|', 'a', 'x y'],
    ['a="x y" b=|', 'b', ''],
  ])('%s is in key %j, value %j', (marked, key, value) =>
    expect(at(marked).place).toMatchObject({ key, value }),
  );
});

describe('completing', () => {
  test.each([
    ['ht|', 'http.route', 'http.route=|'],
    ['a=1 ht|tp', 'http.route', 'a=1 http.route=|'],
    ['http.route=/c|', '/cart', 'http.route=/cart |'],
    ['http.route=| b=1', '/cart', 'http.route=/cart |b=1'],
    ['user=|', 'a b', 'user="a b" |'],
    ['user="a|" b=1', 'a b', 'user="a b" |b=1'],
  ])('%s with %s becomes %s', (marked, chosen, expected) => expect(completed(marked, chosen)).toBe(expected));
});

test('what begins with the text is offered before what holds it', () => {
  expect(rankByText(['net.host', 'host.name', 'port'], 'host', 5)).toEqual(['host.name', 'net.host']);
  expect(rankByText(['a1', 'a2', 'a3'], '', 2)).toEqual(['a1', 'a2']);
});
