const grouped = new Intl.NumberFormat('en-US');

export function formatCount(value: number): string {
  return grouped.format(value);
}

export function plural(value: number, noun: string): string {
  return `${formatCount(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

// Round positions (1, 2 or 5 times a power of ten) inside [from, to], about `wanted` of them.
export function niceTicks(from: number, to: number, wanted: number): { step: number; ticks: number[] } {
  const rough = (to - from) / Math.max(1, wanted);
  if (!(rough > 0)) return { step: 1, ticks: [from] };
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  const step = factor * power;
  const ticks: number[] = [];
  for (let index = Math.ceil(from / step); index * step <= to; index++) ticks.push(index * step);
  return { step, ticks };
}
