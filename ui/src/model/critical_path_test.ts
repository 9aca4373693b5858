import { expect, test } from 'vitest';
import { criticalPath } from './critical_path';
import { buildTrace } from './trace';
import { traceFromText } from './trace_fixture';

// As text: `a 90-100 60-70 …`, one span a line.
function pathOf(text: string): string {
  const model = buildTrace(traceFromText(text));
  const lines: string[] = [];
  for (const [index, stretches] of [...criticalPath(model)].sort(([one], [other]) => one - other)) {
    const pairs: string[] = [];
    for (let at = 0; at < stretches.length; at += 2) pairs.push(`${stretches[at]}-${stretches[at + 1]}`);
    lines.push(`${model.spans[index]?.spanId} ${pairs.join(' ')}`);
  }
  return lines.join('\n');
}

test('a lone span is its own path', () => expect(pathOf('a web 0+100')).toBe('a 0-100'));
test('time in a child belongs to the child', () => {
  expect(pathOf('a web 0+100\n  b x 10+30\n  c x 50+40')).toBe('a 90-100 40-50 0-10\nb 10-40\nc 50-90');
});
test('of parallel children the last to end is on the path', () => {
  expect(pathOf('a web 0+100\n  b x 10+30\n  c x 10+80')).toBe('a 90-100 0-10\nc 10-90');
});
test('the path goes down through levels', () => {
  expect(pathOf('a web 0+100\n  b x 10+80\n    c x 20+60')).toBe('a 90-100 0-10\nb 80-90 10-20\nc 20-80');
});
test('a child that outlives its parent counts up to the end of the parent', () => {
  expect(pathOf('a web 0+100\n  b x 40+90')).toBe('a 0-40\nb 40-100');
});
test('a child that starts before its parent counts from the start of the parent', () => {
  expect(pathOf('a web 10+90\n  b x 0+50')).toBe('a 50-100\nb 10-50');
});
test('of several roots the longest has the path', () => {
  expect(pathOf('a web 0+10\nb web 20+80')).toBe('b 20-100');
});
test('the stretches of the path add up to the duration of the root', () => {
  const model = buildTrace(
    traceFromText('a w 0+100\n  b x 5+50\n    c x 10+60\n  d x 30+40\n    e x 35+10\n  f x 80+15'),
  );
  let total = 0;
  for (const stretches of criticalPath(model).values()) {
    for (let at = 0; at < stretches.length; at += 2)
      total += (stretches[at + 1] as number) - (stretches[at] as number);
  }
  expect(total).toBe(100);
});
