// What may be completed where the caret stands in a TraceQL query. Knows enough of the language to tell a field from a
// value, and nothing of whether the query is right: the server says that.

export type TraceqlPlace = { start: number; end: number; text: string } & (
  | { kind: 'field' } // of a span: an intrinsic, or an attribute with its scope
  | { kind: 'value'; field: string } // what stands beside the field
  | { kind: 'stage' } // behind a pipe
  | { kind: 'query' } // nothing is written yet
  | { kind: 'none' }
);

export const INTRINSICS = [
  'name',
  'status',
  'kind',
  'duration',
  'statusMessage',
  'traceDuration',
  'rootName',
  'rootServiceName',
  'childCount',
  'nestedSetParent',
  'event:name',
  'event:timeSinceStart',
  'link:traceID',
  'link:spanID',
  'instrumentation:name',
  'instrumentation:version',
  'span:id',
  'span:parentID',
  'trace:id',
] as const;
export const STAGES = [
  'count() > 1',
  'avg(duration) > 100ms',
  'max(duration) > 1s',
  'min(duration) < 1ms',
  'sum(duration) > 1s',
  'by(resource.service.name)',
  'select(span.http.route)',
  'coalesce()',
] as const;
export const QUERIES = [
  '{ }',
  '{ status = error }',
  '{ duration > 1s }',
  '{ resource.service.name = "…" }',
] as const;
const WORDS: Readonly<Record<string, readonly string[]>> = {
  status: ['error', 'ok', 'unset'],
  'span:status': ['error', 'ok', 'unset'],
  kind: ['server', 'client', 'internal', 'producer', 'consumer', 'unspecified'],
  'span:kind': ['server', 'client', 'internal', 'producer', 'consumer', 'unspecified'],
};

const TEXTS = /"(?:[^"\\]|\\.)*"?|`[^`]*`?/;
const OPERATORS = /&>>|&<<|&>|&<|&~|!>>|!<<|!=|!~|!>|!<|=~|>=|<=|>>|<<|&&|\|\||[{}()|=<>~!,+\-*/%^]/;
const WORD = /[^\s"`{}()|=<>~!,+*/%^&]+/;
const TOKEN = new RegExp(`\\s+|${TEXTS.source}|${OPERATORS.source}|${WORD.source}`, 'g');
const COMPARISONS = new Set(['=', '!=', '=~', '!~', '<', '<=', '>', '>=']);

interface Token {
  text: string;
  start: number;
  end: number;
}

function tokens(text: string): Token[] {
  return [...text.matchAll(TOKEN)]
    .map((match) => ({ text: match[0], start: match.index, end: match.index + match[0].length }))
    .filter((token) => token.text.trim() !== '');
}

const isWord = (token: Token | undefined) => token !== undefined && /^[^{}()|=<>~!,+*/%^&-]/.test(token.text);

export function placeInTraceql(query: string, caret: number): TraceqlPlace {
  const all = tokens(query);
  if (all.length === 0) return { kind: 'query', start: 0, end: query.length, text: '' };
  const before = all.filter((token) => token.start < caret);
  // The word that the caret stands in or behind is what is being written.
  const last = before.at(-1);
  const current = last && last.end >= caret && isWord(last) ? last : undefined;
  const written = current ? before.slice(0, -1) : before;
  const place = {
    start: current?.start ?? caret,
    end: current?.end ?? caret,
    text: query.slice(current?.start ?? caret, caret),
  };
  let depth = 0;
  let parentheses = 0; // of by( and select( outside of braces
  for (const { text } of written) {
    if (text === '{') depth++;
    else if (text === '}') depth = Math.max(0, depth - 1);
    else if (depth === 0 && text === '(') parentheses++;
    else if (depth === 0 && text === ')') parentheses--;
  }
  const previous = written.at(-1)?.text ?? '';
  if (depth === 0) {
    if (previous === '|') return { ...place, kind: 'stage' };
    const function_name = written.at(-2)?.text ?? '';
    const takes_field = /^(by|select|avg|min|max|sum|\w+_over_time)$/.test(function_name) || previous === ',';
    if (parentheses > 0 && takes_field) return { ...place, kind: 'field' };
    return { ...place, kind: 'none' };
  }
  if (COMPARISONS.has(previous)) {
    const field = written.at(-2);
    return isWord(field) && field
      ? { ...place, kind: 'value', field: field.text }
      : { ...place, kind: 'none' };
  }
  // Behind a finished word only an operator may follow.
  const follows_operand = isWord(written.at(-1)) || previous === ')';
  return follows_operand ? { ...place, kind: 'none' } : { ...place, kind: 'field' };
}

export interface AttributeAt {
  scope: string; // of the native API: resource, scope, span, event, link
  name: string;
}

// TraceQL's word for where an attribute is.
const scopeWord = (scope: string) => (scope === 'scope' ? 'instrumentation' : scope);

// Words that may stand in a name without quotes.
const PLAIN_NAME = /^[A-Za-z_][\w.\-/:]*$/;

export function fieldOf({ scope, name }: AttributeAt): string {
  const plain = PLAIN_NAME.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
  return `${scopeWord(scope)}.${plain}`;
}

// The attribute that a field means; the first that is known where it says no scope. Null for intrinsics.
export function attributeOf(field: string, known: readonly AttributeAt[]): AttributeAt | null {
  const match = /^(parent\.)?(span|resource|event|link|instrumentation)?\.(.+)$/.exec(field);
  if (!match) return null;
  const name = (match[3] as string).replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1');
  if (!match[2]) return known.find((one) => one.name === name) ?? { scope: 'span', name };
  return { scope: match[2] === 'instrumentation' ? 'scope' : match[2], name };
}

// The words of a field that has only few values, or null.
export function wordsOf(field: string): readonly string[] | null {
  return WORDS[field] ?? null;
}

// A value seen lately, as a literal. Values come as text: what looks like a number or a boolean most likely is one.
export function literalOf(value: string): string {
  if (/^(true|false|-?\d+(\.\d+)?)$/.test(value)) return value;
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

// The query with what was chosen in place, and where the caret goes.
export function completeTraceql(
  query: string,
  place: TraceqlPlace,
  chosen: string,
): { text: string; caret: number } {
  const rest = query.slice(place.end);
  if (place.kind === 'query') {
    const hole = chosen.indexOf('…');
    if (hole >= 0) return { text: chosen.replace('…', ''), caret: hole };
    return { text: chosen, caret: chosen === '{ }' ? 2 : chosen.length };
  }
  const gap = rest.startsWith(' ') || place.kind === 'stage' ? '' : ' ';
  const start = query.slice(0, place.start);
  const spaced = place.kind === 'value' && !/\s$/.test(start) ? ' ' : '';
  return {
    text: start + spaced + chosen + gap + rest,
    caret: place.start + spaced.length + chosen.length + (place.kind === 'stage' ? 0 : 1),
  };
}
