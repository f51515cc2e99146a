import t from 'tap'
import { createBatches } from '../../../../plugins/app/database/batches.js'

t.test('items that arrive during a batch are processed together in the next one', async t => {
  const batches: number[][] = []
  const double = createBatches(async (items: number[]) => {
    batches.push(items)
    if (items.length === 1) later = Promise.all([double(2), double(3)])
    return items.map(item => 2 * item)
  })
  let later: Promise<number[]> | undefined
  t.equal(await double(1), 2)
  t.same(await later, [4, 6])
  t.same(batches, [[1], [2, 3]])
})

t.test('a batch has 100 items at most, in the order of their arrival', async t => {
  const batches: number[][] = []
  const process = createBatches(async (items: number[]) => {
    batches.push(items)
    return items
  })
  const numbers = Array.from({ length: 250 }, (_, number) => number)
  t.same(await Promise.all(numbers.map(process)), numbers)
  t.same(batches.map(({ length }) => length), [100, 100, 50])
})

t.test('an error of a batch rejects each of its items, and no item of the next one', async t => {
  let isFailing = true
  const process = createBatches(async (items: string[]) => {
    if (isFailing) throw new Error('no disk')
    return items
  })
  const results = await Promise.allSettled(['a', 'b'].map(process))
  for (const result of results) t.match(result, { status: 'rejected', reason: { message: 'no disk' } })
  isFailing = false
  t.equal(await process('c'), 'c')
})
