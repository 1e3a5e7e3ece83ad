// What relay-compiler reads for the screen; nobody runs this file.
graphql`
  query screenVersionsQuery($modelId: String!) {
    model(modelId: $modelId) { versions(first: 10) { nodes { id version status } } }
  }
`

graphql`
  query screenDetailQuery($modelId: String!, $version: String!, $only: [String!]) {
    modelVersion(modelId: $modelId, version: $version) { ...screen_shown @arguments(only: $only) }
  }
`

graphql`
  fragment screen_shown on ModelVersion @argumentDefinitions(only: { type: "[String!]" }) {
    modelId version status restrictions
    actions(only: $only) { mutation allowed refusal { code message needs } }
  }
`

graphql`
  mutation screenUpdateMutation($input: UpdateModelVersionInput!, $only: [String!]) {
    updateModelVersion(input: $input) { modelVersion { ...screen_shown @arguments(only: $only) } receipt { seq } }
  }
`

graphql`
  mutation screenRetireMutation($input: RetireModelVersionInput!, $only: [String!]) {
    retireModelVersion(input: $input) { modelVersion { ...screen_shown @arguments(only: $only) } receipt { seq } }
  }
`
