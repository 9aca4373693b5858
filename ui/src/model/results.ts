// Search results as the list shows them.

import type { FoundTrace } from '../client/types';
import { nanosecondsToMilliseconds } from '../base/time';
import type { Sort } from './search_query';

export interface Result {
  summary: FoundTrace;
  start: number; // milliseconds
  duration: number; // nanoseconds
  share: number; // of the longest duration in the list
}

export function toResults(traces: readonly FoundTrace[], sort: Sort): Result[] {
  const longest = traces.reduce((most, trace) => Math.max(most, Number(trace.durationNano)), 1);
  const results = traces.map((summary) => ({
    summary,
    start: nanosecondsToMilliseconds(summary.startTimeUnixNano),
    duration: Number(summary.durationNano),
    share: Number(summary.durationNano) / longest,
  }));
  // The server answers newest first, and sorting is stable: equal ones stay newest first.
  if (sort === 'longest') results.sort((a, b) => b.duration - a.duration);
  if (sort === 'spans') results.sort((a, b) => b.summary.spanCount - a.summary.spanCount);
  if (sort === 'errors') results.sort((a, b) => b.summary.errorCount - a.summary.errorCount);
  return results;
}
