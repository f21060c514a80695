// node.js NAME PORT - one of three HTTP servers on 127.0.0.1, with its defaults. Each answers /count with the number of
// its other answers.
'use strict'
const [name, port] = [process.argv[2], +process.argv[3]]
let answers = 0

function text(path) {
  if (path == '/count') return String(answers)
  answers++
  return 'hello'
}

if (name == 'http') {
  require('http').createServer((req, res) => res.end(text(req.url))).listen(port, '127.0.0.1')
} else if (name == 'fastify') {
  const app = require('fastify')()
  app.get('/*', async req => text(req.url))
  app.listen({port, host: '127.0.0.1'})
} else {
  const app = require('express')()
  app.use((req, res) => res.send(text(req.url)))
  app.listen(port, '127.0.0.1')
}
