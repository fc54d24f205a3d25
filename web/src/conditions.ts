// The kinds of alerts: what src/domain/condition.hpp is for the server, with the page's words.
// src/api/enums_test.cpp checks that both have the same kinds on the same sides.

/** The side of the target on which the alert fires. */
export type Side = 'above' | 'below';

export interface ConditionKind {
  side: Side;
  word: string; // "BTC above 70,000"
  verb: string; // "rises above"
}

export const conditions = {
  gt: { side: 'above', word: 'above', verb: 'rises above' },
  lt: { side: 'below', word: 'below', verb: 'falls below' },
} satisfies Record<string, ConditionKind>;

export type Condition = keyof typeof conditions;

export const sideSign: Record<Side, string> = { above: '▲', below: '▼' };

export function sideOf(condition: Condition): Side {
  return conditions[condition].side;
}

export function conditionSign(condition: Condition): string {
  return sideSign[sideOf(condition)];
}

export function conditionWord(condition: Condition): string {
  return conditions[condition].word;
}
