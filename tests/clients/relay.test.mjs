import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { before, test } from 'node:test'
import relay from 'relay-runtime'
import { headers, registration, url } from './magistrate.mjs'

const { createOperationDescriptor, Environment, getSingularSelector, Network, RecordSource, Store } = relay
const require = createRequire(`${process.env.COMPILED}/`)
const compiled = (name) => require(`./${name}.graphql.js`)

async function ask({ text: query }, variables) {
  const accept = 'application/graphql-response+json'
  const body = JSON.stringify({ query, variables })
  const answer = await fetch(url, { method: 'POST', headers: { ...headers, accept, 'content-type': 'application/json' }, body })
  return answer.json()
}

const environment = new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) })
const query = (name, variables) => relay.fetchQuery(environment, compiled(name), variables).toPromise()
const register = (modelId) => new Promise((resolve, onError) => relay.commitMutation(environment, {
  mutation: compiled('modelsRegisterMutation'),
  variables: { input: registration(modelId) },
  onCompleted: (data, errors) => resolve({ ...data, errors }),
  onError,
}))
const read = (fragment, reference) => environment.lookup(getSingularSelector(compiled(fragment), reference)).data

before(async () => {
  for (const each of ['relay-a', 'relay-b', 'relay-c']) await register(each)
})

test('a mutation writes into the store', async () => {
  const { registerModel } = await register('relay-d')
  assert.match(registerModel.receipt.eventHash, /^[0-9a-f]{64}$/)
  const { name, latestVersion } = read('models_detail', registerModel.model)
  assert.equal(name, 'Model relay-d')
  assert.deepEqual(latestVersion, { version: '1.0.0', status: 'DRAFT' })
})

test('a refused mutation says its code', async () => {
  const { registerModel, errors } = await register('relay-a')
  assert.equal(registerModel, null)
  assert.equal(errors[0].extensions.code, 'CONFLICT')
})

test('a connection grows page by page, without gap or repetition', async () => {
  const operation = createOperationDescriptor(compiled('modelsQuery'), { count: 2 })
  const retained = environment.retain(operation)
  await query('modelsQuery', { count: 2 })
  const list = () => read('models_list', environment.lookup(operation.fragment).data).models
  while (list().pageInfo.hasNextPage) await query('modelsListQuery', { count: 2, cursor: list().pageInfo.endCursor })
  const { models } = await ask({ text: '{ models(first: 100) { nodes { modelId } } }' }).then(({ data }) => data)
  assert.deepEqual(list().edges.map(({ node }) => node.modelId), models.nodes.map(({ modelId }) => modelId))
  retained.dispose()
})

test('a fragment is fetched again by its node', async () => {
  const { registerModel } = await register('relay-e')
  await query('modelsDetailQuery', { id: registerModel.model.id })
  assert.equal(read('models_detail', registerModel.model).latestVersion.version, '1.0.0')
})
