// Text search within a trace: over service, operation, ids, status message, attributes, events. Words are
// joined by and; a word `key=value` matches an attribute whose key is equal and whose value contains the text.

import type { Attribute, Span } from '../client/types';
import { formatValue } from './attributes';
import type { TraceModel } from './trace';

const SEPARATOR = '\n';

function attributeLines(attributes: readonly Attribute[]): string {
  let text = '';
  for (const { key, value } of attributes) text += `${SEPARATOR}${key}=${formatValue(value)}`;
  return text;
}

function haystackOf(model: TraceModel, index: number): string {
  const span = model.spans[index] as Span;
  let text = `${model.services[model.service[index] as number]} ${span.name}${SEPARATOR}${span.spanId}`;
  text += `${SEPARATOR}${span.kind}${SEPARATOR}${span.status.code} ${span.status.message}`;
  text += attributeLines(span.attributes);
  for (const event of span.events) text += SEPARATOR + event.name + attributeLines(event.attributes);
  return text.toLowerCase();
}

const haystacks = new WeakMap<TraceModel, string[]>();

// The first search of a trace prepares its text once; each further key press only scans it.
function haystacksOf(model: TraceModel): string[] {
  let known = haystacks.get(model);
  if (!known) {
    known = Array.from({ length: model.count }, (_, index) => haystackOf(model, index));
    haystacks.set(model, known);
  }
  return known;
}

// Matching span indexes in display order; empty for empty text.
export function findSpans(model: TraceModel, text: string): number[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const matches: number[] = [];
  haystacksOf(model).forEach((haystack, index) => {
    if (words.every((word) => contains(haystack, word))) matches.push(index);
  });
  return matches;
}

function contains(haystack: string, word: string): boolean {
  const equals = word.indexOf('=');
  if (equals <= 0) return haystack.includes(word);
  return (
    haystack.includes(SEPARATOR + word) ||
    lineMatches(haystack, word.slice(0, equals), word.slice(equals + 1))
  );
}

function lineMatches(haystack: string, key: string, value: string): boolean {
  const head = `${SEPARATOR}${key}=`;
  for (let at = haystack.indexOf(head); at >= 0; at = haystack.indexOf(head, at + 1)) {
    const end = haystack.indexOf(SEPARATOR, at + head.length);
    const line = haystack.slice(at + head.length, end < 0 ? undefined : end);
    if (line.includes(value)) return true;
  }
  return false;
}

// The element of ascending `indexes` after (or before) `from`, going round. -1 if there are none.
export function neighbour(indexes: readonly number[], from: number, step: 1 | -1): number {
  if (indexes.length === 0) return -1;
  if (step === 1) return indexes.find((index) => index > from) ?? (indexes[0] as number);
  for (let at = indexes.length - 1; at >= 0; at--) {
    if ((indexes[at] as number) < from) return indexes[at] as number;
  }
  return indexes[indexes.length - 1] as number;
}

export function errorSpans(model: TraceModel): number[] {
  const indexes: number[] = [];
  for (let index = 0; index < model.count; index++) if (model.isError[index]) indexes.push(index);
  return indexes;
}
