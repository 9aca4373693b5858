// The theme's colours as canvas needs them: plain strings, read once per theme.

import { cssColor, type Theme } from '../base/theme.svelte';
import { SERVICE_COLOR_COUNT } from '../model/service_colors';

export interface Palette {
  services: string[];
  onServices: string[]; // text that is readable on the service's colour
  panel: string;
  hover: string;
  selected: string;
  line: string;
  lineStrong: string;
  text: string;
  textSoft: string;
  textFaint: string;
  error: string;
  path: string;
  font: string;
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

// White and near-black have the same contrast (WCAG) with a colour of this luminance.
const LUMINANCE_BETWEEN = 0.18;

function readableOn(hex: string): string {
  return luminance(hex) > LUMINANCE_BETWEEN ? '#0d1017' : '#ffffff';
}

let known: { theme: Theme; palette: Palette } | undefined;

export function paletteOf(theme: Theme): Palette {
  if (known?.theme === theme) return known.palette;
  const services = Array.from({ length: SERVICE_COLOR_COUNT }, (_, index) => cssColor(`--service-${index}`));
  const palette: Palette = {
    services,
    onServices: services.map(readableOn),
    panel: cssColor('--panel'),
    hover: cssColor('--hover'),
    selected: cssColor('--selected'),
    line: cssColor('--line'),
    lineStrong: cssColor('--line-strong'),
    text: cssColor('--text'),
    textSoft: cssColor('--text-soft'),
    textFaint: cssColor('--text-faint'),
    error: cssColor('--error'),
    path: cssColor('--path'),
    font: cssColor('--font'),
  };
  known = { theme, palette };
  return palette;
}
