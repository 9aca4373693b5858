// Which spans are folded. Two parts keep shared links short even for large traces: everything from `depth`
// downward may be folded at once, and `toggled` lists the spans that differ from that.

import type { TraceModel } from './trace';

export interface Fold {
  readonly depth: number | null;
  readonly toggled: ReadonlySet<number>;
}

export const UNFOLDED: Fold = { depth: null, toggled: new Set() };

export function isFolded(model: TraceModel, fold: Fold, index: number): boolean {
  if (model.childCount[index] === 0) return false;
  const byDepth = fold.depth !== null && (model.depth[index] as number) >= fold.depth;
  return byDepth !== fold.toggled.has(index);
}

// The rows that show, as span indexes in order.
export function visibleRows(model: TraceModel, fold: Fold): Int32Array {
  const rows = new Int32Array(model.count);
  let length = 0;
  for (let index = 0; index < model.count;) {
    rows[length++] = index;
    index = isFolded(model, fold, index) ? (model.subtreeEnd[index] as number) : index + 1;
  }
  return rows.subarray(0, length);
}

export function toggleFold(fold: Fold, index: number): Fold {
  const toggled = new Set(fold.toggled);
  if (!toggled.delete(index)) toggled.add(index);
  return { depth: fold.depth, toggled };
}

export function setFolded(model: TraceModel, fold: Fold, index: number, folded: boolean): Fold {
  if (model.childCount[index] === 0 || isFolded(model, fold, index) === folded) return fold;
  return toggleFold(fold, index);
}

// Unfolds what hides a span.
export function reveal(model: TraceModel, fold: Fold, index: number): Fold {
  let result = fold;
  for (let above = model.parent[index] as number; above >= 0; above = model.parent[above] as number) {
    result = setFolded(model, result, above, false);
  }
  return result;
}

// Where a span's row is; if it is folded away, the row of the nearest span above that shows. -1 if none.
export function rowOf(rows: Int32Array, index: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const value = rows[middle] as number;
    if (value === index) return middle;
    if (value < index) low = middle + 1;
    else high = middle - 1;
  }
  return high;
}

// Folds the siblings' level: one step less, or more, of the tree.
export function stepDepth(model: TraceModel, fold: Fold, step: 1 | -1): Fold {
  const now = fold.depth ?? model.depthMax - 1;
  const next = Math.max(0, now + step);
  return { depth: next >= model.depthMax - 1 ? null : next, toggled: new Set() };
}
