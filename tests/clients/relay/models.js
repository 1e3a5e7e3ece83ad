// What relay-compiler reads; nobody runs this file.
graphql`
  query modelsQuery($count: Int!) {
    ...models_list @arguments(count: $count)
  }
`

graphql`
  fragment models_list on Query
  @refetchable(queryName: "modelsListQuery")
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" }) {
    models(first: $count, after: $cursor) @connection(key: "models_models") {
      edges { node { modelId ...models_detail } }
    }
  }
`

graphql`
  fragment models_detail on Model @refetchable(queryName: "modelsDetailQuery") {
    name
    latestVersion { version status }
  }
`

graphql`
  mutation modelsRegisterMutation($input: RegisterModelInput!) {
    registerModel(input: $input) {
      model { id ...models_detail }
      receipt { seq eventHash }
    }
  }
`
