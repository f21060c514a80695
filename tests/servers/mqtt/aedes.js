// aedes.js TCP_PORT WS_PORT - the broker aedes; at SIGTERM it prints what clients published.
const { Aedes } = require('aedes')
const net = require('net'), http = require('http'), ws = require('ws')

async function main () {
  const broker = await Aedes.createBroker()
  let published = 0
  broker.on('publish', (packet, client) => { published += client ? 1 : 0 })
  net.createServer(broker.handle).listen(+process.argv[2], '127.0.0.1')
  const server = http.createServer()
  new ws.WebSocketServer({ server }).on('connection', (socket, request) => {
    broker.handle(ws.createWebSocketStream(socket), request)
  })
  server.listen(+process.argv[3], '127.0.0.1')
  process.on('SIGTERM', () => { console.log('published ' + published); process.exit(0) })
}
main()
