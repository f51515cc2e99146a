import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import { describe, expect, test } from 'tstyche'
import { openapi, type OpenApiOptions } from 'fastify-reason-phrase/openapi'

const app = Fastify()

describe('An import of fastify-reason-phrase/openapi alone', () => {
  test('adds the config of routes that the document has', () => {
    expect(app.get).type.toBeCallableWith('/', { config: { errors: { 404: 'No such topic' }, permission: 'read' } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { errors: 404 } }, () => 'a')
    expect(app.get).type.not.toBeCallableWith('/', { config: { permission: 3 } }, () => 'a')
  })

  test('has the types of its options', () => {
    const options: OpenApiOptions = { document: { info: { title: 'a', version: '1' } }, schemas: {} }
    expect(app.register).type.toBeCallableWith(swagger, openapi(app, options))
  })
})
