// Bundles the page with the examples, and the licences of all that is in it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const examples = '../../../examples'

// Each question with its text and its variables; the first sentence of the text is its title.
function example(file) {
  const query = readFileSync(`${examples}/${file}`, 'utf8')
  const beside = `${examples}/${file.replace('.graphql', '.variables.json')}`
  const title = query.replace(/^# ?/gm, '').replace(/\n/g, ' ').match(/^.*?[?.](?= )/)[0]
  return { title, query, variables: existsSync(beside) ? readFileSync(beside, 'utf8') : '' }
}

const questions = readdirSync(examples).filter((each) => each.endsWith('.graphql')).sort().map(example)
const { metafile } = await build({
  entryPoints: ['page.jsx'], outdir: '..', bundle: true, minify: true, metafile: true, logLevel: 'error',
  jsx: 'automatic', target: 'es2022', legalComments: 'none', define: { 'process.env.NODE_ENV': '"production"', EXAMPLES: JSON.stringify(questions) },
})

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`))
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  return `${name} ${version}: ${license}\n\n${file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : ''}`.trim()
}

const folders = Object.keys(metafile.inputs).map((each) => each.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0])
const licences = [...new Set(folders)].filter(Boolean).sort().map(licence)
writeFileSync('../LICENSES.txt', `${licences.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`)
