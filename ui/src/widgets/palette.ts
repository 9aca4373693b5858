// The theme's colours as canvas needs them: plain strings, read once per theme.

import { cssColor, type Theme } from '../base/theme.svelte';
import { SERVICE_COLOR_COUNT } from '../model/service_colors';

export interface Palette {
  services: string[];
  panel: string;
  sunken: string;
  hover: string;
  selected: string;
  line: string;
  lineStrong: string;
  text: string;
  textSoft: string;
  textFaint: string;
  error: string;
  accent: string;
  mark: string;
  markStrong: string;
  path: string;
  font: string;
}

let known: { theme: Theme; palette: Palette } | undefined;

export function paletteOf(theme: Theme): Palette {
  if (known?.theme === theme) return known.palette;
  const palette: Palette = {
    services: Array.from({ length: SERVICE_COLOR_COUNT }, (_, index) => cssColor(`--service-${index}`)),
    panel: cssColor('--panel'),
    sunken: cssColor('--sunken'),
    hover: cssColor('--hover'),
    selected: cssColor('--selected'),
    line: cssColor('--line'),
    lineStrong: cssColor('--line-strong'),
    text: cssColor('--text'),
    textSoft: cssColor('--text-soft'),
    textFaint: cssColor('--text-faint'),
    error: cssColor('--error'),
    accent: cssColor('--accent'),
    mark: cssColor('--mark'),
    markStrong: cssColor('--mark-strong'),
    path: cssColor('--path'),
    font: cssColor('--font'),
  };
  known = { theme, palette };
  return palette;
}
