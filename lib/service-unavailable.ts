/** What is needed is away for now: a 503 whose message is fit for clients, who can try again in 5 seconds. */
export class ServiceUnavailable extends Error {
  statusCode = 503
  headers = { 'retry-after': '5' }
  expose = true
}
