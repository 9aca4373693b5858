// Sizes of panes and the like: personal, so kept in this browser and out of shared links.

export function recallNumber(key: string, fallback: number): number {
  try {
    const value = Number(localStorage.getItem(`backstitch.${key}`));
    return Number.isFinite(value) && value > 0 ? value : fallback;
  } catch {
    return fallback;
  }
}

export function rememberNumber(key: string, value: number): void {
  try {
    localStorage.setItem(`backstitch.${key}`, String(Math.round(value)));
  } catch {
    // Forgetting a width is harmless.
  }
}
