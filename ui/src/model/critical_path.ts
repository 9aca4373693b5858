// The critical path: the stretches of spans that, made shorter, would have made the trace shorter. Walked
// backward from the end of the longest root: at each moment the path is in the child that ended last before
// it, and in the span itself where no child ran.

import type { TraceModel } from './trace';

// Per span the stretches on the path, as [start, end, start, end, …], latest first. Spans off the path have no entry.
export type CriticalPath = ReadonlyMap<number, readonly number[]>;

export function criticalPath(model: TraceModel): CriticalPath {
  const path = new Map<number, number[]>();
  const root = longestRoot(model);
  if (root < 0) return path;
  const childrenByEnd = childrenLatestFirst(model);
  const end = (index: number) => (model.start[index] as number) + (model.duration[index] as number);
  const add = (index: number, from: number, until: number) => {
    if (until <= from) return;
    const stretches = path.get(index);
    if (stretches) stretches.push(from, until);
    else path.set(index, [from, until]);
  };
  // A frame is a span whose path is being walked back to `floor`, having reached `at`.
  const stack = [
    { index: root, at: end(root), until: end(root), floor: model.start[root] as number, next: 0 },
  ];
  while (stack.length > 0) {
    const frame = stack[stack.length - 1] as (typeof stack)[number];
    const children = childrenByEnd.get(frame.index) ?? [];
    let child = -1;
    while (frame.next < children.length && child < 0) {
      const candidate = children[frame.next++] as number;
      const isBefore = (model.start[candidate] as number) < frame.at && end(candidate) > frame.floor;
      // A child may outlive its parent; only where nothing later was on the path does it count, cut at the end.
      const isWithin = end(candidate) <= frame.at || frame.at === frame.until;
      if (isBefore && isWithin) child = candidate;
    }
    if (child < 0) {
      add(frame.index, frame.floor, frame.at);
      stack.pop();
      continue;
    }
    const childEnd = Math.min(end(child), frame.at);
    const childFloor = Math.max(model.start[child] as number, frame.floor);
    add(frame.index, childEnd, frame.at);
    frame.at = childFloor;
    stack.push({ index: child, at: childEnd, until: childEnd, floor: childFloor, next: 0 });
  }
  return path;
}

function longestRoot(model: TraceModel): number {
  let longest = -1;
  for (let index = 0; index < model.count; index = model.subtreeEnd[index] as number) {
    if (longest < 0 || (model.duration[index] as number) > (model.duration[longest] as number))
      longest = index;
  }
  return longest;
}

function childrenLatestFirst(model: TraceModel): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (let index = 0; index < model.count; index++) {
    const parent = model.parent[index] as number;
    if (parent < 0) continue;
    const siblings = children.get(parent);
    if (siblings) siblings.push(index);
    else children.set(parent, [index]);
  }
  const end = (index: number) => (model.start[index] as number) + (model.duration[index] as number);
  for (const siblings of children.values()) siblings.sort((a, b) => end(b) - end(a));
  return children;
}
