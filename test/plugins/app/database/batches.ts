import t from 'tap'
import { createBatches } from '../../../../plugins/app/database/batches.js'

t.test('processes items that arrive during a batch together in the next batch', async t => {
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

t.test('processes at most 100 items in a batch, in the order of arrival', async t => {
  const batches: number[][] = []
  const process = createBatches(async (items: number[]) => {
    batches.push(items)
    return items
  })
  const numbers = Array.from({ length: 250 }, (_, number) => number)
  t.same(await Promise.all(numbers.map(process)), numbers)
  t.same(batches.map(({ length }) => length), [100, 100, 50])
})

t.test('rejects all items of a batch that fails, and no item of the next batch', async t => {
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
