// The overview: every span as a line, its row by position in the tree, so that the shape of the trace shows.

import type { TraceModel } from '../model/trace';
import { prepareCanvas } from './canvas';
import type { Palette } from './palette';

export function paintMinimap(
  canvas: HTMLCanvasElement,
  size: { width: number; height: number },
  model: TraceModel,
  colorOfService: readonly number[],
  palette: Palette,
): void {
  const context = prepareCanvas(canvas, size.width, size.height);
  const padding = 4;
  const usable = size.height - padding * 2;
  const rowHeight = usable / Math.max(1, model.count);
  const lineHeight = Math.min(4, Math.max(1, rowHeight * 0.75));
  const scale = size.width / model.length;
  // Of spans that share a pixel row and column only the first is painted: beyond a few thousand more are unseen.
  const painted = new Uint8Array(Math.ceil(size.width) * Math.ceil(size.height));
  const paint = (index: number, color: string, isForced: boolean) => {
    const x = (model.start[index] as number) * scale;
    const y = padding + Math.min(usable - lineHeight, index * rowHeight);
    const width = Math.max(1, (model.duration[index] as number) * scale);
    const cell = Math.floor(y) * Math.ceil(size.width) + Math.min(Math.ceil(size.width) - 1, Math.floor(x));
    if (!isForced && width < 2 && painted[cell]) return;
    painted[cell] = 1;
    context.fillStyle = color;
    context.fillRect(x, y, width, lineHeight);
  };
  for (let index = 0; index < model.count; index++) {
    const service = model.service[index] as number;
    paint(index, palette.services[colorOfService[service] as number] as string, false);
  }
  for (let index = 0; index < model.count; index++) {
    if (!model.isError[index]) continue;
    paint(index, palette.error, true);
    const x = Math.min(size.width - 3, (model.start[index] as number) * scale);
    const y = padding + Math.min(usable - 3, index * rowHeight);
    context.fillRect(x, y, Math.max(3, (model.duration[index] as number) * scale), Math.max(lineHeight, 2));
  }
}
