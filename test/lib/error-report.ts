import { inspect } from 'node:util'
import t from 'tap'
import { hasStackTrace, isErrorReport, isSerializedError } from '../../lib/error-report.js'

const { stack } = new Error('It failed')

/** Stack traces, as several languages print them. */
const TRACES: Record<string, string> = {
  JavaScript: stack!,
  'an async function': 'Error: x\n    at async Promise.all (index 0)\n    at async file:///srv/app.js:10:5',
  'Node itself': 'Error: x\n    at node:internal/main/run_main_module:23:47',
  'an anonymous function': 'Error: x\n    at <anonymous>:1:7',
  'one line': stack!.replaceAll(/\s+/g, ' '),
  'an inspected error': inspect(new Error('x', { cause: new Error('y') })),
  Java: 'java.sql.SQLException: x\n\tat com.example.Dao.load(Dao.java:42)\n\tat java.base/java.lang.Thread.run(Unknown Source)',
  'Java, one line': 'java.sql.SQLException: x at com.example.Dao.load(Dao.java:42) at com.example.Main.main(Main.java:3)',
  '.NET': 'System.Exception: x\r\n   at Shop.Db.Load(String id) in C:\\src\\Db.cs:line 12',
  Python: 'Traceback (most recent call last):\n  File "/srv/app.py", line 3, in <module>\nValueError: x',
  PHP: 'PHP Fatal error: x\nStack trace:\n#0 /srv/index.php(3): load()\n#1 {main}',
  Go: 'panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/main.go:4 +0x39',
  Ruby: "/srv/app.rb:3:in `load': x (RuntimeError)",
  Rust: "thread 'main' panicked at src/main.rs:4:5\nstack backtrace:\n   0: rust_begin_unwind"
}

/** Messages that a person wrote. */
const MESSAGES = [
  'We are down for lunch', 'Try again at 10:30:15', 'The job failed at 2026-11-27T10:20:30Z', 'It broke at the weekend',
  'We are down,\nat the moment', 'Look at https://status.example:8080/now', 'Look at status.example for more (soon)', '', 'Stack overflow'
]

t.test('hasStackTrace recognizes stack traces of several languages, but not messages', async t => {
  for (const [name, text] of Object.entries(TRACES)) {
    t.equal(hasStackTrace(text), true, name)
    t.equal(hasStackTrace(`We are sorry. ${text}`), true, `${name}, after a text`)
  }
  for (const text of MESSAGES) t.equal(hasStackTrace(text), false, text)
})

t.test('isErrorReport recognizes serialized errors and stack traces, but not messages', async t => {
  const fastify = { statusCode: 500, error: 'Internal Server Error', message: 'a secret' }
  const text = JSON.stringify(fastify)
  for (const [name, body] of Object.entries<string>({
    'the format of Fastify': text,
    'with another status code': JSON.stringify({ ...fastify, statusCode: 502, error: 'Bad Gateway' }),
    'with a code': JSON.stringify({ ...fastify, code: 'E_SECRET' }),
    'after a byte order mark': `\ufeff${text}`,
    'after white space': `\r\n\t ${text}`,
    'before more text': `${text}\nmore`,
    'after more text': `Upstream: ${text}`,
    twice: `${text}\n${text}`,
    indented: JSON.stringify(fastify, null, 2),
    'as a text in JSON': JSON.stringify(text),
    'within an object': JSON.stringify({ error: fastify }),
    'within a list': JSON.stringify({ errors: [fastify] }),
    cut: text.slice(0, -5),
    'the format of Spring': JSON.stringify({ timestamp: 1, status: 500, error: 'Internal Server Error', message: 'a secret', path: '/' }),
    'the format of Laravel': JSON.stringify({ message: 'a secret', exception: 'PDOException', file: '/srv/Db.php', line: 3, trace: [] }),
    'an error with its name': JSON.stringify({ name: 'TypeError', message: 'a secret' }),
    'an error with its stack': JSON.stringify({ message: 'a secret', stack: 'none' })
  })) {
    t.equal(isErrorReport(body), true, name)
    t.equal(isErrorReport(Buffer.from(body)), true, `${name}, in a Buffer`)
  }
  for (const [name, trace] of Object.entries(TRACES)) {
    t.equal(isErrorReport(trace), true, name)
    t.equal(isErrorReport(JSON.stringify({ message: trace })), true, `${name}, in JSON`)
  }
  for (const body of [
    ...MESSAGES, '{ we are down }', '[db] We are down', '"Lunch" it is', ...MESSAGES.map(message => JSON.stringify({ message })),
    ...[
      { message: 'We are sorry', code: 'E_DOWN' },
      { type: 'about:blank', title: 'Service Unavailable', status: 503, detail: 'We are down' },
      { error: 'temporarily_unavailable', error_description: 'We are down', status: 503 },
      { error: { code: 503, message: 'We are down' } },
      { errors: [{ message: 'We are down' }, null] },
      { name: 'Topics', message: 'We are down', trace: '4bf92f3577b34da6' },
      { message: 'We are sorry', details: fastify },
      null, 42, 'We are down'
    ].map(value => JSON.stringify(value))
  ]) t.equal(isErrorReport(body), false, body)
})

t.test('isErrorReport takes linear time', async t => {
  // With backtracking, this would take minutes.
  for (const part of ['at ', 'at a.', '\n at ', 'at a(', 'File "', '#0 ', '"statusCode', 'at >', '\\n\\t']) {
    t.equal(isErrorReport(part.repeat(64 * 1024)), false, JSON.stringify(part))
  }
})

t.test("isSerializedError recognizes Fastify's serialization of an error with this status code", async t => {
  const body = '{"statusCode":500,"error":"Internal Server Error","message":"a secret"}'
  t.equal(isSerializedError(500, body), true)
  for (const other of [body.replace('500', '502'), body.replace('Internal Server Error', 'Error'), `${body}!`, '', 'text', undefined, null, Buffer.from(body)]) {
    t.equal(isSerializedError(500, other), false)
  }
})
