const grouped = new Intl.NumberFormat('en-US');

export function formatCount(value: number): string {
  return grouped.format(value);
}

export function plural(value: number, noun: string): string {
  return `${formatCount(value)} ${noun}${value === 1 ? '' : 's'}`;
}

// Shares of one whole, as short as they can be told: `1 %`, `0.4 %`, `<0.1 %`.
export function formatShare(part: number, whole: number): string {
  if (whole <= 0) return '–';
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.1) return '<0.1 %';
  if (part < whole && percent > 99.9) return '>99.9 %';
  return `${Number(percent.toFixed(1))} %`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function formatBytes(bytes: number): string {
  let unit = 0;
  while (bytes >= 1024 && unit + 1 < BYTE_UNITS.length) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${BYTE_UNITS[unit]}`;
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
