// Decisions about a trace, in words. The same words as `backstitch why`.

import { formatDuration } from '../base/duration';
import { plural } from '../base/number';
import { nanosecondsToMilliseconds } from '../base/time';
import type { Decision, DecisionCause, Why } from '../client/types';

const CAUSES: Record<DecisionCause, string> = {
  window: 'when its window ended',
  early_at_cap: 'early: as many traces were open as num_traces or memory allow',
  early_at_size: 'early: it was as large or as old as a fragment may be',
  drain: 'early: the server was told to decide what was open',
  reopened: 'after all: evidence that came later took a drop back',
  person: 'because a person asked for it',
  peer: 'because another node kept it',
};

export function causeText(cause: DecisionCause): string {
  return CAUSES[cause] ?? cause;
}

// The one that holds: a trace is kept where any of its fragments is.
export function decisive(why: Why): Decision | null {
  const latest = [...why.decisions].reverse();
  return latest.find((one) => one.verdict === why.verdict) ?? latest[0] ?? null;
}

// What kept it, in two words, for a line of figures.
export function keeperText(decision: Decision): string {
  if (decision.policy) return decision.policy;
  if (decision.cause === 'person') return 'a person';
  if (decision.cause === 'peer') return 'another node';
  return 'no policy';
}

// Who else voted as the one that decided.
export function otherVotes(decision: Decision): string[] {
  return decision.voted.filter((name) => name !== decision.policy);
}

export function decisionText(decision: Decision): string {
  const when = causeText(decision.cause);
  if (decision.verdict === 'kept') {
    return decision.policy ? `Kept by ${decision.policy} ${when}.` : `Kept ${when}.`;
  }
  return decision.policy ? `${decision.policy} dropped it ${when}.` : `No policy kept it; dropped ${when}.`;
}

export function evidenceText(decision: Decision): string {
  const errors = decision.errorCount === 0 ? 'no error' : `${decision.errorCount} with an error`;
  return `${plural(decision.spanCount, 'span')}, ${errors}, ${formatDuration(Number(decision.durationNano))}`;
}

// How long after its first span it was decided.
export function waitedNanoseconds(decision: Decision): number {
  return Number(BigInt(decision.decidedTimeUnixNano) - BigInt(decision.openedTimeUnixNano));
}

// In milliseconds since the epoch; null where a drop cannot be taken back.
export function reopenUntil(why: Why): number | null {
  return why.reopenUntilUnixNano === '0' ? null : nanosecondsToMilliseconds(why.reopenUntilUnixNano);
}
