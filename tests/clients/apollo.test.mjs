import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headers, registration, url } from './magistrate.mjs'

const client = new ApolloClient({ link: new HttpLink({ uri: url, headers }), cache: new InMemoryCache() })

const REGISTER = gql`
  mutation Register($input: RegisterModelInput!) {
    registerModel(input: $input) { model { id name } receipt { seq treeSize } }
  }
`
const MODEL = gql`
  query Model($modelId: String!) {
    model(modelId: $modelId) { id name latestVersion { id version tier status } }
  }
`

test('a mutation answers with its receipt, and a query with what it stored', async () => {
  const { data } = await client.mutate({ mutation: REGISTER, variables: { input: registration('apollo') } })
  const { model, receipt } = data.registerModel
  assert.equal(model.name, 'Model apollo')
  assert.ok(receipt.treeSize > receipt.seq)
  const asked = await client.query({ query: MODEL, variables: { modelId: 'apollo' } })
  assert.equal(asked.data.model.id, model.id)
  assert.equal(asked.data.model.latestVersion.status, 'DRAFT')
})

test('a refusal carries its code and its facts', async () => {
  await client.mutate({ mutation: REGISTER, variables: { input: registration('twice') } })
  await assert.rejects(client.mutate({ mutation: REGISTER, variables: { input: registration('twice') } }), (refused) => {
    assert.ok(CombinedGraphQLErrors.is(refused))
    const { code, kind } = refused.errors[0].extensions
    return code === 'CONFLICT' && kind === 'Model'
  })
})

test('an error beside data is told apart', async () => {
  const query = gql`{ viewer { id } node(id: "none") { id } }`
  const { data, error } = await client.query({ query, errorPolicy: 'all' })
  assert.equal(data.viewer.id, 'alice')
  assert.equal(error.errors[0].extensions.code, 'INVALID_INPUT')
})

test('what is not valid is an error of GraphQL, not of the network', async () => {
  await assert.rejects(client.query({ query: gql`{ secret }` }), (refused) => {
    return CombinedGraphQLErrors.is(refused) && refused.errors[0].extensions.code === 'INVALID_INPUT'
  })
})
