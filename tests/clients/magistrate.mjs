// Where the server is, and who speaks to it: a model owner.
export const url = process.env.URL
export const headers = { authorization: `Bearer ${process.env.TOKEN}` }

export const registration = (modelId) => ({
  modelId, version: '1.0.0', name: `Model ${modelId}`, purpose: 'Sorts letters', ownerId: 'alice', dataStewardId: 'bob',
})
