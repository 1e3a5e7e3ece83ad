import { cacheExchange, Client, fetchExchange, gql } from '@urql/core'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headers, registration, url } from './magistrate.mjs'

const REGISTER = gql`
  mutation Register($input: RegisterModelInput!) {
    registerModel(input: $input) { model { id } receipt { seq } }
  }
`
const MODEL = gql`
  query Model($modelId: String!) {
    model(modelId: $modelId) { id versions(first: 10) { nodes { id version } } }
  }
`

for (const [method, preferGetMethod] of [['POST', false], ['GET', 'force']]) {
  const used = []
  const counting = (to, asked) => {
    used.push(asked.method)
    return fetch(to, asked)
  }
  const client = new Client({
    url, preferGetMethod, fetch: counting, fetchOptions: { headers }, exchanges: [cacheExchange, fetchExchange],
  })

  test(`queries by ${method} see what mutations by POST did`, async () => {
    const modelId = `urql-${method}`
    const made = await client.mutation(REGISTER, { input: registration(modelId) })
    assert.equal(made.error, undefined)
    const found = await client.query(MODEL, { modelId })
    assert.equal(found.error, undefined)
    assert.equal(found.data.model.id, made.data.registerModel.model.id)
    assert.deepEqual(found.data.model.versions.nodes.map((each) => each.version), ['1.0.0'])
    assert.deepEqual(used, ['POST', method])
  })

  test(`a refusal by ${method} carries its code`, async () => {
    const { error } = await client.query(gql`{ node(id: "none") { id } }`, {})
    assert.equal(error.graphQLErrors[0].extensions.code, 'INVALID_INPUT')
  })
}
