// Paints the visible rows of the waterfall. One call is one frame: nothing is kept between calls, and cost
// follows the rows on the screen, never the size of the trace.

import { formatDuration } from '../base/duration';
import type { CriticalPath } from '../model/critical_path';
import { isFolded, type Fold } from '../model/fold';
import type { TraceModel } from '../model/trace';
import type { Viewport } from '../model/viewport';
import { paintErrorMark, prepareCanvas } from './canvas';
import type { Palette } from './palette';

export const ROW_HEIGHT = 24;
const BAR_TOP = 6;
const BAR_HEIGHT = 12;
const BAR_WIDTH_MIN = 2;

export interface WaterfallScene {
  width: number;
  height: number;
  scrollTop: number;
  model: TraceModel;
  rows: Int32Array;
  viewport: Viewport;
  ticks: readonly number[];
  fold: Fold;
  colorOfService: readonly number[]; // palette index per service of the model
  selected: number;
  hoveredRow: number;
  isMatch: Uint8Array | null; // per span; null while nothing is searched for
  path: CriticalPath | null;
}

export function paintWaterfall(canvas: HTMLCanvasElement, scene: WaterfallScene, palette: Palette): void {
  const context = prepareCanvas(canvas, scene.width, scene.height);
  const scale = scene.width / (scene.viewport.to - scene.viewport.from);
  const first = Math.max(0, Math.floor(scene.scrollTop / ROW_HEIGHT));
  const last = Math.min(scene.rows.length - 1, Math.ceil((scene.scrollTop + scene.height) / ROW_HEIGHT));
  paintRowBacks(context, scene, palette, first, last);
  context.fillStyle = palette.line;
  for (const tick of scene.ticks) {
    context.fillRect(Math.round((tick - scene.viewport.from) * scale), 0, 1, scene.height);
  }
  context.font = `11px ${palette.font}`;
  context.textBaseline = 'middle';
  for (let row = first; row <= last; row++) {
    paintRow(context, scene, palette, scene.rows[row] as number, row * ROW_HEIGHT - scene.scrollTop, scale);
  }
}

function paintRowBacks(
  context: CanvasRenderingContext2D,
  scene: WaterfallScene,
  palette: Palette,
  first: number,
  last: number,
): void {
  for (let row = first; row <= last; row++) {
    const index = scene.rows[row] as number;
    const top = row * ROW_HEIGHT - scene.scrollTop;
    const color =
      index === scene.selected ? palette.selected : row === scene.hoveredRow ? palette.hover : null;
    if (!color) continue;
    context.fillStyle = color;
    context.fillRect(0, top, scene.width, ROW_HEIGHT);
  }
}

function paintRow(
  context: CanvasRenderingContext2D,
  scene: WaterfallScene,
  palette: Palette,
  index: number,
  top: number,
  scale: number,
): void {
  const { model, viewport } = scene;
  const start = model.start[index] as number;
  const duration = model.duration[index] as number;
  const from = (start - viewport.from) * scale;
  const to = from + Math.max(duration * scale, BAR_WIDTH_MIN);
  const color = palette.services[scene.colorOfService[model.service[index] as number] as number] as string;
  // Searching dims what doesn't match; it stays readable.
  context.globalAlpha = scene.isMatch && !scene.isMatch[index] ? 0.45 : 1;
  if (isFolded(model, scene.fold, index)) paintFoldedExtent(context, scene, index, top, scale, color);
  if (to < 0 || from > scene.width) {
    paintOutside(context, palette, from > scene.width ? scene.width : 0, top);
    context.globalAlpha = 1;
    return;
  }
  // Canvas coordinates far outside lose precision; what is off the screen is cut first.
  const left = Math.max(from, -4);
  const right = Math.min(to, scene.width + 4);
  context.fillStyle = color;
  context.beginPath();
  context.roundRect(left, top + BAR_TOP, Math.max(right - left, BAR_WIDTH_MIN), BAR_HEIGHT, 2);
  context.fill();
  if (model.isError[index]) {
    context.strokeStyle = palette.error;
    context.lineWidth = 1.5;
    context.stroke();
  }
  paintEvents(context, scene, palette, index, top, scale);
  const stretches = scene.path?.get(index);
  if (stretches) paintPath(context, scene, palette, stretches, top, scale);
  paintLabel(context, scene, palette, index, left, right, top);
  context.globalAlpha = 1;
}

// A folded span stands for all below it, some of which may run after it ended.
function paintFoldedExtent(
  context: CanvasRenderingContext2D,
  scene: WaterfallScene,
  index: number,
  top: number,
  scale: number,
  color: string,
): void {
  const { model, viewport } = scene;
  const from = Math.max(0, ((model.start[index] as number) - viewport.from) * scale);
  const to = Math.min(scene.width, ((model.subtreeUntil[index] as number) - viewport.from) * scale);
  if (to <= from) return;
  const alpha = context.globalAlpha;
  context.globalAlpha = alpha * 0.35;
  context.fillStyle = color;
  context.fillRect(from, top + BAR_TOP + BAR_HEIGHT / 2 - 1.5, to - from, 3);
  context.globalAlpha = alpha;
}

// A small arrow at the edge says on which side of the zoomed range the span lies.
function paintOutside(context: CanvasRenderingContext2D, palette: Palette, edge: number, top: number): void {
  const direction = edge === 0 ? 1 : -1;
  const middle = top + ROW_HEIGHT / 2;
  context.fillStyle = palette.lineStrong;
  context.beginPath();
  context.moveTo(edge + direction * 4, middle);
  context.lineTo(edge + direction * 9, middle - 4);
  context.lineTo(edge + direction * 9, middle + 4);
  context.fill();
}

function paintEvents(
  context: CanvasRenderingContext2D,
  scene: WaterfallScene,
  palette: Palette,
  index: number,
  top: number,
  scale: number,
): void {
  const events = scene.model.spans[index]?.events;
  if (!events?.length) return;
  let painted = -Infinity;
  for (const event of events) {
    const time = Number(BigInt(event.timeUnixNano) - scene.model.startNanoseconds);
    const x = (time - scene.viewport.from) * scale;
    // Events closer than two pixels can't be told apart, and a span may have thousands.
    if (x < 0 || x > scene.width || Math.abs(x - painted) < 2) continue;
    painted = x;
    context.fillStyle = palette.panel;
    context.fillRect(x - 1.5, top + BAR_TOP - 2, 3, BAR_HEIGHT + 4);
    context.fillStyle = event.name === 'exception' ? palette.error : palette.text;
    context.fillRect(x - 0.5, top + BAR_TOP - 2, 1.5, BAR_HEIGHT + 4);
  }
}

function paintPath(
  context: CanvasRenderingContext2D,
  scene: WaterfallScene,
  palette: Palette,
  stretches: readonly number[],
  top: number,
  scale: number,
): void {
  context.fillStyle = palette.path;
  for (let at = 0; at < stretches.length; at += 2) {
    const from = Math.max(0, ((stretches[at] as number) - scene.viewport.from) * scale);
    const to = Math.min(scene.width, ((stretches[at + 1] as number) - scene.viewport.from) * scale);
    if (to > from) context.fillRect(from, top + BAR_TOP + BAR_HEIGHT + 1.5, Math.max(1, to - from), 2);
  }
}

function paintLabel(
  context: CanvasRenderingContext2D,
  scene: WaterfallScene,
  palette: Palette,
  index: number,
  left: number,
  right: number,
  top: number,
): void {
  const isError = scene.model.isError[index] === 1;
  const text = formatDuration(scene.model.duration[index] as number);
  const middle = top + ROW_HEIGHT / 2 + 0.5;
  const markWidth = isError ? 14 : 0;
  const width = context.measureText(text).width + markWidth + 6;
  let x = right + 6;
  // No room on the right: put it on the left; none there either: inside the bar's end.
  if (x + width > scene.width) x = left - width;
  const isInside = x < 0;
  const service = scene.colorOfService[scene.model.service[index] as number] as number;
  if (isInside) x = Math.min(right, scene.width) - width;
  const color = isInside
    ? (palette.onServices[service] as string)
    : isError
      ? palette.error
      : palette.textSoft;
  const cut = isInside ? (palette.services[service] as string) : palette.panel;
  if (isError) paintErrorMark(context, x + 5, middle - 1, 10, color, cut);
  context.fillStyle = color;
  context.textAlign = 'left';
  context.fillText(text, x + markWidth, middle);
}
