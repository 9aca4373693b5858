// Self time: the part of a span during which none of its children ran. Children may overlap one another and
// may outlive their parent; they count once, and only inside it.

export interface SelfTimeInput {
  count: number;
  start: Float64Array;
  duration: Float64Array;
  self: Float64Array;
  parent: Int32Array;
}

export function selfTimes(model: SelfTimeInput): void {
  // Siblings follow each other by start, so the union of their intervals needs one running end per parent.
  const coveredUntil = new Float64Array(model.count);
  for (let index = 0; index < model.count; index++) {
    const start = model.start[index] as number;
    const duration = model.duration[index] as number;
    model.self[index] = duration;
    coveredUntil[index] = start;
    const parent = model.parent[index] as number;
    if (parent < 0) continue;
    const parentEnd = (model.start[parent] as number) + (model.duration[parent] as number);
    const from = Math.max(start, coveredUntil[parent] as number);
    const until = Math.min(start + duration, parentEnd);
    if (until <= from) continue;
    (model.self[parent] as number) -= until - from;
    coveredUntil[parent] = until;
  }
}
