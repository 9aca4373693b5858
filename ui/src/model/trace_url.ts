// A trace view's state as the query of its address, and back.
//
//   span=<id>          the selected span        detail=1        its panel is open
//   zoom=<from>-<to>   nanoseconds              find=<text>     search within the trace
//   fold=<depth>       folded from there down   toggle=<ids>    spans that differ, by the first 8 digits
//   path=1             the critical path shows

import { UNFOLDED, type Fold } from './fold';
import type { TraceModel } from './trace';
import { fitViewport, fullViewport, isFull, type Viewport } from './viewport';

export interface TraceState {
  selected: number; // -1: none
  isDetailOpen: boolean;
  viewport: Viewport;
  fold: Fold;
  find: string;
  isPathShown: boolean;
}

const SHORT_ID = 8;

export function initialState(model: TraceModel): TraceState {
  return {
    selected: -1,
    isDetailOpen: false,
    viewport: fullViewport(model.length),
    fold: UNFOLDED,
    find: '',
    isPathShown: false,
  };
}

// What the address doesn't say, or says wrongly, is as in a fresh view.
export function readTraceState(query: string, model: TraceModel): TraceState {
  const parameters = new URLSearchParams(query);
  const state = initialState(model);
  state.selected = model.indexById.get(parameters.get('span') ?? '') ?? -1;
  state.isDetailOpen = state.selected >= 0 && parameters.get('detail') === '1';
  state.find = parameters.get('find') ?? '';
  state.isPathShown = parameters.get('path') === '1';
  const zoom = /^(\d+)-(\d+)$/.exec(parameters.get('zoom') ?? '');
  if (zoom && Number(zoom[1]) < Number(zoom[2])) {
    state.viewport = fitViewport(Number(zoom[1]), Number(zoom[2]), model.length);
  }
  state.fold = readFold(parameters, model);
  return state;
}

function readFold(parameters: URLSearchParams, model: TraceModel): Fold {
  const depth = /^\d{1,6}$/.exec(parameters.get('fold') ?? '');
  let fold: Fold = { depth: depth ? Number(depth[0]) : null, toggled: new Set() };
  const wanted = new Set((parameters.get('toggle') ?? '').split(',').filter(Boolean));
  if (wanted.size === 0) return fold;
  const toggled = new Set<number>();
  model.spans.forEach((span, index) => {
    if (wanted.delete(span.spanId.slice(0, SHORT_ID))) toggled.add(index);
  });
  fold = { depth: fold.depth, toggled };
  return fold;
}

export function writeTraceState(state: TraceState, model: TraceModel): URLSearchParams {
  const parameters = new URLSearchParams();
  const selected = model.spans[state.selected];
  if (selected) parameters.set('span', selected.spanId);
  if (selected && state.isDetailOpen) parameters.set('detail', '1');
  if (!isFull(state.viewport, model.length)) {
    parameters.set('zoom', `${Math.floor(state.viewport.from)}-${Math.ceil(state.viewport.to)}`);
  }
  if (state.find) parameters.set('find', state.find);
  if (state.fold.depth !== null) parameters.set('fold', String(state.fold.depth));
  const ids = [...state.fold.toggled].map((index) => model.spans[index]?.spanId.slice(0, SHORT_ID));
  if (ids.length) parameters.set('toggle', ids.join(','));
  if (state.isPathShown) parameters.set('path', '1');
  return parameters;
}
