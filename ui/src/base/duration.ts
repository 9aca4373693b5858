// Durations as people read and write them. The unit inside the UI is the nanosecond as a number:
// exact up to 104 days, far beyond what one trace spans.

const UNIT_NANOSECONDS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

// Three significant digits, so that a column of durations can be compared by eye: `1.23 ms`, `45.6 s`.
function significant(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return trimZeros(value.toFixed(1));
  return trimZeros(value.toFixed(2));
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

export function formatDuration(nanoseconds: number): string {
  if (nanoseconds < 0) return `−${formatDuration(-nanoseconds)}`;
  if (nanoseconds < 1) return '0';
  if (nanoseconds < 999.5) return `${significant(nanoseconds)} ns`;
  if (nanoseconds < 999.5e3) return `${significant(nanoseconds / 1e3)} µs`;
  if (nanoseconds < 999.5e6) return `${significant(nanoseconds / 1e6)} ms`;
  if (nanoseconds < 59.95e9) return `${significant(nanoseconds / 1e9)} s`;
  return formatLong(Math.round(nanoseconds / 1e9));
}

function formatLong(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

// Reads `250ms`, `1.5s`, `1m30s`. Null if the text is no duration.
export function parseDuration(text: string): number | null {
  const compact = text.replace(/\s+/g, '');
  if (!/^(\d+(\.\d+)?(ns|us|µs|μs|ms|s|m|h))+$/.test(compact)) return null;
  let total = 0;
  for (const [, amount, unit] of compact.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (UNIT_NANOSECONDS[unit as string] as number);
  }
  return total;
}

// Axis labels share one unit and only as many decimals as the step needs, so that ticks line up.
export function durationLabeler(step: number, largest: number): (value: number) => string {
  const units: [string, number][] = [
    ['ns', 1],
    ['µs', 1e3],
    ['ms', 1e6],
    ['s', 1e9],
  ];
  let [unit, size] = units[0] as [string, number];
  for (const [name, nanoseconds] of units) {
    if (largest >= nanoseconds) [unit, size] = [name, nanoseconds];
  }
  const decimals = Math.min(9, Math.max(0, -Math.floor(Math.log10(step / size) + 1e-9)));
  return (value) => `${(value / size).toFixed(decimals)} ${unit}`;
}
