// Policies in the groups in which they are asked.

import type { PolicyInForce } from '../client/types';

export interface PolicyGroup {
  title: string;
  policies: PolicyInForce[];
}

const TITLES: readonly [PolicyInForce['asked'], string][] = [
  ['drops', 'Dropped, whatever else fits'],
  ['keeps', 'Kept, where one of these fits'],
  ['of_the_rest', 'Of the rest'],
];

export function policyGroups(policies: readonly PolicyInForce[]): PolicyGroup[] {
  return TITLES.map(([asked, title]) => ({
    title,
    policies: policies.filter((policy) => policy.asked === asked),
  })).filter((group) => group.policies.length > 0);
}
