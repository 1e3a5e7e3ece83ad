// mercurius with graphql-jit on fastify: node server.mjs DESCRIPTOR FOLDER serves what lies in the folder, on that socket.
import { readFileSync } from 'node:fs'
import fastify from 'fastify'
import mercurius from 'mercurius'

const [descriptor, folder] = process.argv.slice(2)
const answers = JSON.parse(readFileSync(`${folder}/answers.json`, 'utf8'))
const Query = Object.fromEntries(Object.entries(answers).map(([name, value]) => [name, () => value]))
const app = fastify()
app.register(mercurius, { schema: readFileSync(`${folder}/schema.graphql`, 'utf8'), resolvers: { Query }, jit: 1 })
await app.ready()
app.server.listen({ fd: Number(descriptor) })
