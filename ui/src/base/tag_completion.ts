// What may be completed where the caret stands in a text of tags: a key, or the value of a key.

import { formatTag } from './logfmt';

export interface TagPlace {
  start: number; // of the tag in the text
  end: number;
  key: string;
  value: string | null; // null while the key is being written
}

export function placeOf(text: string, caret: number): TagPlace {
  let start = 0;
  let isQuoted = false;
  for (let index = 0; index < caret; index++) {
    if (text[index] === '"' && text[index - 1] !== '\\') isQuoted = !isQuoted;
    if (!isQuoted && /\s/.test(text[index] as string)) start = index + 1;
  }
  let end = caret;
  while (end < text.length && (isQuoted ? text[end] !== '"' : !/\s/.test(text[end] as string))) end++;
  if (isQuoted && end < text.length) end++;
  const written = text.slice(start, caret);
  const equals = written.indexOf('=');
  if (equals < 0) return { start, end, key: written, value: null };
  return { start, end, key: written.slice(0, equals), value: written.slice(equals + 1).replace(/^"/, '') };
}

// The text with the chosen key or value in place, and where the caret goes.
export function complete(text: string, place: TagPlace, chosen: string): { text: string; caret: number } {
  const tag = place.value === null ? `${chosen}=` : formatTag({ key: place.key, value: chosen });
  const rest = text.slice(place.end);
  const gap = place.value !== null && !rest.startsWith(' ') ? ' ' : '';
  return {
    text: text.slice(0, place.start) + tag + gap + rest,
    caret: place.start + tag.length + (place.value === null ? 0 : 1),
  };
}

// Those that begin with the text first, then those that hold it.
export function rankByText(candidates: readonly string[], text: string, limit: number): string[] {
  const needle = text.toLowerCase();
  const found = candidates.filter((candidate) => candidate.toLowerCase().includes(needle));
  const begins = (candidate: string) => (candidate.toLowerCase().startsWith(needle) ? 0 : 1);
  return found.sort((a, b) => begins(a) - begins(b)).slice(0, limit);
}
