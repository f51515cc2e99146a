import type { Random } from '../random.js'

/** What can happen to a request or to its response, with the text for the history. */
export const FATES = {
  pass: 'is passed on',
  dropBefore: 'is dropped before it is forwarded',
  dropAfter: 'is forwarded, and its connection is dropped at once',
  dropAnswer: 'is forwarded, and its connection is dropped when the answer comes',
  cutAnswer: 'is forwarded, and its connection is dropped in the middle of the answer',
  delay: 'is delayed past its timeout',
  hold: 'is delayed until the outcome is final',
  double: 'is delivered twice',
  slow: 'is slowed'
}

export type Fate = keyof typeof FATES

const FAULTS = Object.keys(FATES).filter(fate => fate !== 'pass') as Fate[]

/** The quality of the network for an operation. With `none`, no request arrives before the key is closed. */
export type Luck = 'good' | 'bad' | 'none'

const LUCKS: Luck[] = ['good', 'good', 'good', 'good', 'good', 'good', 'bad', 'bad', 'bad', 'none']

/** The share of the requests that are not simply passed on. */
const FAULT_PROBABILITIES: Record<Luck, number> = { good: 0.1, bad: 0.7, none: 0.2 }

/** Picks the luck of an operation. */
export function pickLuck (random: Random): Luck {
  return random.pick(LUCKS)
}

/** Picks the fate of a request that executes an operation, or that closes its key. */
export function pickFate (random: Random, luck: Luck, isClosing: boolean): Fate {
  if (luck === 'none' && !isClosing) return 'hold'
  return random.chance(FAULT_PROBABILITIES[luck]) ? random.pick(FAULTS) : 'pass'
}
