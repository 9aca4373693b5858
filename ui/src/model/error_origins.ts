// Origins of errors as a page shows them.

import { formatCount } from '../base/number';
import type { ErrorOrigin, SdkLoss } from '../client/types';

const REACH_MAX = 3;

// The codes from the origin to the root, each change once.
export function driftSteps(origin: ErrorOrigin): string[] {
  const steps = origin.driftChain.split(' -> ').filter((step) => step !== '');
  return steps.length > 0 ? steps : [origin.code];
}

export function isSwallowed(origin: ErrorOrigin): boolean {
  return driftSteps(origin).at(-1) === 'ok';
}

// The page that finds traces in which the origin failed. What only its caller saw, such as a database, has no spans
// of its own service; there the caller's span has the operation as its name.
export function originSearch(origin: ErrorOrigin, hasSpans: boolean): string {
  const text = (value: string) => JSON.stringify(value);
  const service = hasSpans ? `resource.service.name = ${text(origin.service)} && ` : '';
  const q = `{ ${service}name = ${text(origin.operation)} && status = error }`;
  return `/search?${new URLSearchParams({ q }).toString()}`;
}

// Whom the failure reached, the most frequent first.
export function reachText(origin: ErrorOrigin): string {
  const named = origin.roots
    .slice(0, REACH_MAX)
    .map(({ service, count }) => `${service} (${formatCount(count)})`);
  const more = origin.roots.length - named.length;
  return `reaches ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export function reasonText({ reason, spans }: SdkLoss['reasons'][number]): string {
  return `${reason.replaceAll('_', ' ')} ${formatCount(spans)}`;
}
