// Attribute values as text, and what kind of thing they are, for colour and layout.

import type { Attribute, Value } from '../client/types';

export type ValueType = 'string' | 'number' | 'boolean' | 'bytes' | 'list' | 'map' | 'empty';

const NESTING_MAX = 32;

export function valueType(value: Value): ValueType {
  if (value.stringValue !== undefined) return 'string';
  if (value.intValue !== undefined || value.doubleValue !== undefined) return 'number';
  if (value.boolValue !== undefined) return 'boolean';
  if (value.bytesValue !== undefined) return 'bytes';
  if (value.arrayValue !== undefined) return 'list';
  if (value.kvlistValue !== undefined) return 'map';
  return 'empty';
}

export function formatValue(value: Value): string {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.intValue !== undefined) return value.intValue;
  if (value.doubleValue !== undefined) return String(value.doubleValue);
  if (value.boolValue !== undefined) return String(value.boolValue);
  if (value.bytesValue !== undefined) return value.bytesValue;
  return toJson(value, null);
}

// Integers keep all their digits: JSON.stringify would round those beyond 2^53, so they are written as they came.
function toJson(value: Value, indent: string | null, depth = 0): string {
  if (depth > NESTING_MAX) return '"…"';
  const pad = indent === null ? '' : `\n${indent.repeat(depth + 1)}`;
  const close = indent === null ? '' : `\n${indent.repeat(depth)}`;
  const gap = indent === null ? ', ' : ',';
  if (value.arrayValue) {
    const items = value.arrayValue.values.map((item) => pad + toJson(item, indent, depth + 1));
    return items.length ? `[${items.join(gap)}${close}]` : '[]';
  }
  if (value.kvlistValue) {
    const items = value.kvlistValue.values.map(
      (item) => `${pad}${JSON.stringify(item.key)}: ${toJson(item.value, indent, depth + 1)}`,
    );
    return items.length ? `{${items.join(gap)}${close}}` : '{}';
  }
  if (value.intValue !== undefined) return value.intValue;
  if (value.doubleValue !== undefined) return String(value.doubleValue);
  if (value.boolValue !== undefined) return String(value.boolValue);
  if (value.bytesValue !== undefined) return JSON.stringify(value.bytesValue);
  return value.stringValue === undefined ? 'null' : JSON.stringify(value.stringValue);
}

// For the detail table: nested values over several lines, JSON that hides in a string laid out as well.
export function formatValueLong(value: Value): string {
  if (value.arrayValue || value.kvlistValue) {
    const short = toJson(value, null);
    return short.length <= 60 ? short : toJson(value, '  ');
  }
  return formatValue(value);
}

export function findAttribute(attributes: readonly Attribute[], key: string): string | undefined {
  const found = attributes.find((attribute) => attribute.key === key);
  return found && formatValue(found.value);
}

export function sortedAttributes(attributes: readonly Attribute[]): Attribute[] {
  return [...attributes].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}
