// The plot above the results: duration (logarithmic) over start time, one mark per trace.

import { durationLabeler } from '../base/duration';
import { formatClock, formatDay } from '../base/time';
import type { Result } from '../model/results';
import { paintErrorMark, prepareCanvas } from './canvas';
import type { Palette } from './palette';

export interface Point {
  x: number;
  y: number;
  result: Result;
}

export const MARGIN = { left: 56, right: 14, top: 10, bottom: 20 };

export interface ScatterScale {
  x: (milliseconds: number) => number;
  y: (nanoseconds: number) => number;
  from: number;
  to: number;
  low: number; // powers of ten
  high: number;
}

export function scatterScale(results: readonly Result[], width: number, height: number): ScatterScale {
  let from = Infinity;
  let to = -Infinity;
  let shortest = Infinity;
  let longest = 1;
  for (const { start, duration } of results) {
    from = Math.min(from, start);
    to = Math.max(to, start);
    shortest = Math.min(shortest, Math.max(duration, 1));
    longest = Math.max(longest, duration);
  }
  // A single moment has no extent; give it a second to stand in the middle of.
  if (!(to - from >= 1)) [from, to] = [from - 500, to + 500];
  const low = Math.floor(Math.log10(shortest));
  const high = Math.max(low + 1, Math.ceil(Math.log10(longest)));
  const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  return {
    from,
    to,
    low,
    high,
    x: (milliseconds) => MARGIN.left + ((milliseconds - from) / (to - from)) * inner.width,
    y: (nanoseconds) =>
      MARGIN.top + (1 - (Math.log10(Math.max(nanoseconds, 1)) - low) / (high - low)) * inner.height,
  };
}

export function placePoints(results: readonly Result[], scale: ScatterScale): Point[] {
  return results.map((result) => ({ x: scale.x(result.start), y: scale.y(result.duration), result }));
}

function paintAxes(
  context: CanvasRenderingContext2D,
  scale: ScatterScale,
  palette: Palette,
  width: number,
  height: number,
) {
  context.font = `10.5px ${palette.font}`;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const every = Math.max(1, Math.ceil((scale.high - scale.low) / 4));
  for (let power = scale.low; power <= scale.high; power += every) {
    const y = Math.round(scale.y(10 ** power)) + 0.5;
    context.fillStyle = palette.line;
    context.fillRect(MARGIN.left, y - 0.5, width - MARGIN.left - MARGIN.right, 1);
    context.fillStyle = palette.textFaint;
    context.fillText(durationLabeler(10 ** power, 10 ** power)(10 ** power), MARGIN.left - 8, y);
  }
  const isDays = scale.to - scale.from > 36 * 3_600_000;
  const label = (time: number) =>
    (isDays ? formatDay(new Date(time)).slice(5) + ' ' : '') + formatClock(time).slice(0, isDays ? 5 : 8);
  const count = Math.max(2, Math.min(7, Math.floor((width - MARGIN.left) / 150)));
  for (let index = 0; index < count; index++) {
    const time = scale.from + ((scale.to - scale.from) * index) / (count - 1);
    context.textAlign = index === 0 ? 'left' : index === count - 1 ? 'right' : 'center';
    context.fillText(label(time), scale.x(time), height - 7);
  }
}

export function paintScatter(
  canvas: HTMLCanvasElement,
  size: { width: number; height: number },
  points: readonly Point[],
  scale: ScatterScale,
  colors: ReadonlyMap<string, number>,
  palette: Palette,
): void {
  const context = prepareCanvas(canvas, size.width, size.height);
  paintAxes(context, scale, palette, size.width, size.height);
  context.globalAlpha = points.length > 200 ? 0.65 : 0.85;
  for (const { x, y, result } of points) {
    if (result.summary.errorCount > 0) continue;
    context.fillStyle = palette.services[colors.get(result.summary.rootService) ?? 0] as string;
    context.beginPath();
    context.arc(x, y, 3.5, 0, Math.PI * 2);
    context.fill();
  }
  context.globalAlpha = 1;
  // Errors last, so that none hides behind a success.
  for (const { x, y, result } of points) {
    if (result.summary.errorCount > 0) paintErrorMark(context, x, y, 10, palette.error, palette.panel);
  }
}
