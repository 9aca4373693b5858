// Instants. The API gives Unix nanoseconds as decimal strings; a Date holds milliseconds only, so
// differences are taken as bigint before anything becomes a number.

export function nanosecondsToMilliseconds(nanoseconds: string): number {
  return Number(BigInt(nanoseconds) / 1_000_000n);
}

export function millisecondsToNanoseconds(milliseconds: number): string {
  return (BigInt(Math.round(milliseconds)) * 1_000_000n).toString();
}

const pad = (value: number, width = 2) => String(value).padStart(width, '0');

// Local time, sortable, to the millisecond: `2026-03-01 14:05:09.123`.
export function formatInstant(milliseconds: number): string {
  const date = new Date(milliseconds);
  return `${formatDay(date)} ${formatClock(milliseconds)}.${pad(date.getMilliseconds(), 3)}`;
}

export function formatDay(date: Date): string {
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export function formatClock(milliseconds: number): string {
  const date = new Date(milliseconds);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

// The full precision that the span carries, in UTC, for a tooltip or the clipboard.
export function formatInstantExact(nanoseconds: string): string {
  const fraction = (BigInt(nanoseconds) % 1_000_000_000n).toString().padStart(9, '0');
  return new Date(nanosecondsToMilliseconds(nanoseconds)).toISOString().replace(/\.\d+Z$/, `.${fraction}Z`);
}

export function formatAgo(milliseconds: number, now: number): string {
  const seconds = Math.round((now - milliseconds) / 1000);
  if (seconds < -1) return 'in the future';
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

// What is left, in whole steps that are worth reading: `9 min`, `45 s`.
export function formatLeft(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

// The value of an <input type="datetime-local">, in local time.
export function toInputInstant(milliseconds: number): string {
  const date = new Date(milliseconds);
  return `${formatDay(date)}T${formatClock(milliseconds)}`;
}
