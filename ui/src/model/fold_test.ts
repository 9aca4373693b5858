import { expect, test } from 'vitest';
import { isFolded, reveal, rowOf, setFolded, stepDepth, toggleFold, UNFOLDED, visibleRows } from './fold';
import { buildTrace } from './trace';
import { traceFromText } from './trace_fixture';

const model = buildTrace(
  traceFromText(`
a web 0+100
  b cart 10+30
    c db 15+10
  d pay 50+40
    e db 55+10
`),
);
const shown = (fold: Parameters<typeof visibleRows>[1]) => [...visibleRows(model, fold)];

test('all rows show unfolded', () => expect(shown(UNFOLDED)).toEqual([0, 1, 2, 3, 4]));
test('a folded span hides what is below it', () =>
  expect(shown(toggleFold(UNFOLDED, 1))).toEqual([0, 1, 3, 4]));
test('folding from a depth hides all below that depth', () => {
  expect(shown({ depth: 1, toggled: new Set() })).toEqual([0, 1, 3]);
});
test('a toggled span differs from the depth', () =>
  expect(shown({ depth: 1, toggled: new Set([3]) })).toEqual([0, 1, 3, 4]));
test('toggling twice changes nothing', () =>
  expect(shown(toggleFold(toggleFold(UNFOLDED, 1), 1))).toEqual([0, 1, 2, 3, 4]));
test('a span without children is never folded', () => {
  expect(isFolded(model, { depth: 0, toggled: new Set() }, 2)).toBe(false);
  expect(setFolded(model, UNFOLDED, 2, true)).toBe(UNFOLDED);
});
test('revealing a span unfolds all above it and no more', () => {
  expect(shown(reveal(model, { depth: 0, toggled: new Set() }, 2))).toEqual([0, 1, 2, 3]);
});
test('the row of a hidden span is that of the span it is folded into', () => {
  const rows = visibleRows(model, toggleFold(UNFOLDED, 1));
  expect([rowOf(rows, 0), rowOf(rows, 2), rowOf(rows, 4)]).toEqual([0, 1, 3]);
  expect(rowOf(rows, -1)).toBe(-1);
});
test('levels fold and unfold one at a time', () => {
  const once = stepDepth(model, UNFOLDED, -1);
  expect(shown(once)).toEqual([0, 1, 3]);
  expect(shown(stepDepth(model, once, -1))).toEqual([0]);
  expect(stepDepth(model, once, 1)).toEqual(UNFOLDED);
});
