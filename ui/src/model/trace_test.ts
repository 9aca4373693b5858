import { describe, expect, test } from 'vitest';
import { buildTrace } from './trace';
import { traceFromText } from './trace_fixture';

const SHOP = `
a web 0+100
  b cart 10+30
    c db 15+10 error
  d pay 50+40
`;

const build = (text: string) => buildTrace(traceFromText(text));
const ids = (model: ReturnType<typeof build>) => model.spans.map((span) => span.spanId).join('');

describe('the tree', () => {
  test('rows are depth first, with depth, extent and children', () => {
    const model = build(SHOP);
    expect(ids(model)).toBe('abcd');
    expect([...model.parent]).toEqual([-1, 0, 1, 0]);
    expect([...model.depth]).toEqual([0, 1, 2, 1]);
    expect([...model.subtreeEnd]).toEqual([4, 3, 3, 4]);
    expect([...model.childCount]).toEqual([2, 1, 0, 0]);
    expect([...model.siblingIndex]).toEqual([1, 1, 1, 2]);
    expect(model.depthMax).toBe(3);
  });
  test('siblings go by start, then by id, in whatever order they came', () => {
    expect(ids(build('a web 0+9\n  d x 5+1\n  c x 2+1\n  b x 5+1'))).toBe('acbd');
  });
  test('a span before its parent in the answer still stands below it', () => {
    expect(ids(build('b web 5+1 parent=a\na web 0+9'))).toBe('ab');
  });
  test('a span whose parent is missing is a root and an orphan', () => {
    const model = build('a web 0+9\nb web 1+1 parent=zz');
    expect([...model.isOrphan]).toEqual([0, 1]);
    expect(model.orphanCount).toBe(1);
    expect(model.depth[1]).toBe(0);
  });
  test('a span that is its own parent is a root', () => expect(ids(build('a web 0+9 parent=a'))).toBe('a'));
  test('a cycle is cut and shows every span once', () => {
    const model = build('a web 0+9 parent=b\nb web 1+2 parent=a\nc web 2+1 parent=b');
    expect([...ids(model)].sort()).toEqual(['a', 'b', 'c']);
  });
  test('children of a repeated id stand below its first span, and both show', () => {
    const model = build('a web 0+9\na srv 1+8 parent=a\nb srv 2+1 parent=a');
    expect(model.count).toBe(3);
    expect(model.indexById.get('a')).toBe(0);
  });
  test('10,000 levels need no recursion', () => {
    const chain = traceFromText('s0 web 0+9');
    for (let level = 1; level < 10_000; level++) {
      const template = chain.spans[0] as (typeof chain.spans)[number];
      chain.spans.push({ ...template, spanId: `s${level}`, parentSpanId: `s${level - 1}` });
    }
    expect(buildTrace(chain).depthMax).toBe(10_000);
  });
  test('an empty trace has no rows', () => expect(build('').count).toBe(0));
});

describe('times and marks', () => {
  test('times count from the earliest start, even if a child starts first', () => {
    const model = build('a web 100+50\n  b db 90+10');
    expect([...model.start]).toEqual([10, 0]);
    expect(model.length).toBe(60);
  });
  test('errors are counted, and known above', () => {
    const model = build(SHOP);
    expect(model.errorCount).toBe(1);
    expect([...model.hasErrorBelow]).toEqual([1, 1, 0, 0]);
  });
  test('a subtree lasts as long as the last span in it', () => {
    expect([...build('a web 0+10\n  b x 2+3\n    c x 4+40').subtreeUntil]).toEqual([44, 44, 44]);
  });
  test('services are listed in order of appearance', () => {
    const model = build(SHOP);
    expect(model.services).toEqual(['web', 'cart', 'db', 'pay']);
  });
});

describe('self time', () => {
  const self = (text: string) => [...build(text).self];
  test('is what no child covers', () => expect(self(SHOP)).toEqual([30, 20, 10, 40]));
  test('counts overlapping children once', () => {
    expect(self('a web 0+100\n  b x 10+40\n  c x 30+40')).toEqual([40, 40, 40]);
  });
  test('counts a child within another once', () => {
    expect(self('a web 0+100\n  b x 10+80\n  c x 20+10')).toEqual([20, 80, 10]);
  });
  test('ignores the part of a child outside its parent', () => {
    expect(self('a web 10+90\n  b x 0+20\n  c x 95+50')).toEqual([75, 20, 50]);
  });
});
