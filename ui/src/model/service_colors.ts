// Gives each service of a view one of the palette's colours. The name decides, so a service looks the same
// in most views; two services of one view share a colour only when there are more services than colours.

export const SERVICE_COLOR_COUNT = 14;

function hash(text: string): number {
  let value = 2166136261;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 16777619);
  }
  return value >>> 0;
}

export function serviceColors(services: Iterable<string>): Map<string, number> {
  const colors = new Map<string, number>();
  const isTaken = new Uint8Array(SERVICE_COLOR_COUNT);
  for (const service of [...new Set(services)].sort()) {
    let color = hash(service) % SERVICE_COLOR_COUNT;
    if (colors.size < SERVICE_COLOR_COUNT) {
      while (isTaken[color]) color = (color + 1) % SERVICE_COLOR_COUNT;
    }
    isTaken[color] = 1;
    colors.set(service, color);
  }
  return colors;
}
