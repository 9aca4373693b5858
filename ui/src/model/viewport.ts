// The part of a trace's time that the waterfall shows, in nanoseconds after its start.

import { clamp } from '../base/number';

export interface Viewport {
  readonly from: number;
  readonly to: number;
}

// Below this a zoom shows nothing but rounding.
const LENGTH_MIN = 10;

export function fullViewport(length: number): Viewport {
  return { from: 0, to: length };
}

export function isFull(viewport: Viewport, length: number): boolean {
  return viewport.from <= 0 && viewport.to >= length;
}

// The nearest viewport inside the trace that is at least LENGTH_MIN long; its length is kept where possible.
export function fitViewport(from: number, to: number, length: number): Viewport {
  const wanted = clamp(Math.abs(to - from), Math.min(LENGTH_MIN, length), length);
  const start = clamp(Math.min(from, to), 0, length - wanted);
  return { from: start, to: start + wanted };
}

// `factor` < 1 zooms in. `anchor` stays where it is on the screen.
export function zoomAround(viewport: Viewport, anchor: number, factor: number, length: number): Viewport {
  const from = anchor - (anchor - viewport.from) * factor;
  const to = anchor + (viewport.to - anchor) * factor;
  return fitViewport(from, Math.max(to, from + Math.min(LENGTH_MIN, length)), length);
}

export function pan(viewport: Viewport, by: number, length: number): Viewport {
  return fitViewport(viewport.from + by, viewport.to + by, length);
}

// A span with some air around it.
export function around(start: number, duration: number, length: number): Viewport {
  const air = Math.max(duration * 0.1, LENGTH_MIN);
  return fitViewport(start - air, start + duration + air, length);
}
