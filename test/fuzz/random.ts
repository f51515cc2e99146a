import t from 'tap'
import { Random } from '../../fuzz/random.js'

t.test('returns the same numbers for the same seed', async t => {
  const numbers = (seed: number): number[] => {
    const random = new Random(seed)
    return Array.from({ length: 100 }, () => random.next())
  }
  t.strictSame(numbers(1), numbers(1))
  t.notSame(numbers(1), numbers(2))
  t.ok(numbers(1).every(number => number >= 0 && number < 1))
})

t.test('returns numbers within the limits', async t => {
  const random = new Random(1)
  for (let i = 0; i < 100; i++) {
    t.ok([0, 1, 2].includes(random.below(3)))
    t.ok(['a', 'b'].includes(random.pick(['a', 'b'])))
    const { length } = random.several(1, 3, () => 'x')
    t.ok(length >= 1 && length <= 3)
    t.equal(random.chance(0), false)
    t.equal(random.chance(1), true)
  }
})
