import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { test } from 'node:test'
import { headers, registration, url } from './magistrate.mjs'
import { List, mounted, ONLY, Screen, Shown, walk } from './screen.mjs'

const { createElement: h } = await import('react')
const { ApolloProvider, useMutation, useQuery } = await import('@apollo/client/react')

const client = new ApolloClient({ link: new HttpLink({ uri: url, headers }), cache: new InMemoryCache() })
const SHOWN = gql`
  fragment Shown on ModelVersion {
    id modelId version status restrictions
    actions(only: $only) { mutation allowed refusal { code message needs } }
  }
`
const VERSIONS = gql`
  query Versions($modelId: String!) { model(modelId: $modelId) { id versions(first: 10) { nodes { id version status } } } }
`
const DETAIL = gql`
  query Detail($modelId: String!, $version: String!, $only: [String!]) {
    modelVersion(modelId: $modelId, version: $version) { ...Shown }
  }
  ${SHOWN}
`
const MUTATIONS = {
  updateModelVersion: gql`
    mutation Update($input: UpdateModelVersionInput!, $only: [String!]) {
      updateModelVersion(input: $input) { modelVersion { ...Shown } receipt { seq } }
    }
    ${SHOWN}
  `,
  retireModelVersion: gql`
    mutation Retire($input: RetireModelVersionInput!, $only: [String!]) {
      retireModelVersion(input: $input) { modelVersion { ...Shown } receipt { seq } }
    }
    ${SHOWN}
  `,
}

function Versions({ modelId, onShow }) {
  const { data } = useQuery(VERSIONS, { variables: { modelId } })
  return data && h(List, { versions: data.model.versions.nodes, onShow })
}

function Detail({ modelId, version }) {
  const { data } = useQuery(DETAIL, { variables: { modelId, version, only: ONLY } })
  const sent = Object.fromEntries(Object.entries(MUTATIONS).map(([name, document]) => [name, useMutation(document)[0]]))
  return data && h(Shown, { shown: data.modelVersion, onAct: (name, input) => sent[name]({ variables: { input, only: ONLY } }) })
}

test('a screen of Apollo Client builds its buttons from actions', async () => {
  await client.mutate({
    mutation: gql`mutation ($input: RegisterModelInput!) { registerModel(input: $input) { receipt { seq } } }`,
    variables: { input: registration('screen-apollo') },
  })
  await walk(mounted(h(ApolloProvider, { client }, h(Screen, { modelId: 'screen-apollo', Versions, Detail }))))
})
