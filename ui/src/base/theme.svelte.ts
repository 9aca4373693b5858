// Light or dark: what the system prefers, until the user says otherwise in this browser.

export type Theme = 'light' | 'dark';

const STORAGE_KEY = 'backstitch.theme';
const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return value === 'light' || value === 'dark' ? value : null;
  } catch {
    return null; // storage may be forbidden; the system's preference then decides
  }
}

export const theme = $state({ current: stored() ?? ((prefersDark.matches ? 'dark' : 'light') as Theme) });

function apply(): void {
  document.documentElement.dataset.theme = theme.current;
}

export function startTheme(): void {
  apply();
  prefersDark.addEventListener('change', () => {
    if (stored()) return;
    theme.current = prefersDark.matches ? 'dark' : 'light';
    apply();
  });
}

export function toggleTheme(): void {
  theme.current = theme.current === 'dark' ? 'light' : 'dark';
  apply();
  try {
    localStorage.setItem(STORAGE_KEY, theme.current);
  } catch {
    // Without storage the choice holds for this page only.
  }
}

// Canvas can't use CSS variables; it reads their values once per theme.
export function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
