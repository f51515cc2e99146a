import { Readable } from 'node:stream'
import t from 'tap'
import { observeStream, restoreEmit, stopObserving, type StreamObserver } from '../../../plugins/signature/observe-stream.js'

/** Creates a stream, and an observer that records its events. */
function observed () {
  const events: string[] = []
  const stream = new Readable({ read () {} })
  const observer: StreamObserver = {
    onChunk: chunk => { events.push(`chunk ${chunk}`) },
    onComplete: () => { events.push('complete') },
    onResume: () => { events.push('resume') },
    onEnd: () => events.push('end') > 0
  }
  stream.on('data', chunk => { events.push(`data ${chunk}`) }).on('end', () => { events.push('emitted end') }).pause()
  observeStream(stream, observer)
  return { stream, events }
}

const turn = async () => await new Promise(resolve => setImmediate(resolve))

t.test('reports each chunk and the end of the content before the stream is read, and suppresses the event end', async t => {
  const { stream, events } = observed()
  stream.push('a')
  stream.push(null)
  t.strictSame(events, ['chunk a', 'complete'])
  stream.resume()
  await turn()
  t.strictSame(events, ['chunk a', 'complete', 'resume', 'data a', 'end'])
})

t.test('lets the stream emit end after restoreEmit(), and still reports chunks', async t => {
  const { stream, events } = observed()
  restoreEmit(stream)
  stream.resume()
  stream.push('a')
  stream.push(null)
  await turn()
  t.strictSame(events, ['chunk a', 'complete', 'data a', 'emitted end'])
})

t.test('reports nothing after stopObserving()', async t => {
  const { stream, events } = observed()
  stopObserving(stream)
  stream.resume()
  stream.push('a')
  stream.push(null)
  await turn()
  t.strictSame(events, ['data a', 'emitted end'])
  t.strictSame(Object.keys(stream).filter(key => key === 'push' || key === 'emit'), [])
})
