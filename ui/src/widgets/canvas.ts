// Sizes a canvas to its box in device pixels and hands out a context that draws in CSS pixels.

export function prepareCanvas(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  const pixelWidth = Math.max(1, Math.round(width * ratio));
  const pixelHeight = Math.max(1, Math.round(height * ratio));
  // Setting the size clears the canvas and reallocates it, even to the same size.
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth;
    canvas.height = pixelHeight;
  }
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// The mark of an error: a triangle with a stroke in it, so that colour is not the only sign.
export function paintErrorMark(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  color: string,
  cut: string,
): void {
  const half = size / 2;
  context.beginPath();
  context.moveTo(x, y - half);
  context.lineTo(x + half, y + half * 0.85);
  context.lineTo(x - half, y + half * 0.85);
  context.closePath();
  context.fillStyle = color;
  context.fill();
  if (size < 8) return;
  context.fillStyle = cut;
  context.fillRect(x - 0.6, y - half * 0.3, 1.2, half * 0.6);
  context.fillRect(x - 0.6, y + half * 0.45, 1.2, 1.2);
}
