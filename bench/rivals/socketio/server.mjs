// The stack of the demo that Causette replaces: Express, Socket.IO and its Redis
// adapter, with nothing beyond their documentation's first page. A message comes
// by POST, so that every server here is spoken to alike.
//
//   node --expose-gc server.mjs PORT REDIS_URL
//
// SIGUSR2 collects garbage, so that memory can be measured.
import { createServer } from 'node:http'
import express from 'express'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { createAdapter } from '@socket.io/redis-adapter'

const [port, url] = process.argv.slice(2)
const publisher = createClient({ url })
const subscriber = publisher.duplicate()
await Promise.all([publisher.connect(), subscriber.connect()])

const app = express()
const server = createServer(app)
const io = new Server(server, { adapter: createAdapter(publisher, subscriber) })

app.post('/messages', express.json(), (request, response) => {
  const { text, nickname, nonce } = request.body
  const message = { at: new Date().toISOString(), author: { id: 'g_abcdefghijkl', nickname }, text, nonce }
  io.emit('message', message)
  response.status(201).json(message)
})

process.on('SIGUSR2', () => globalThis.gc?.())
server.keepAliveTimeout = 60_000 // ms; a publisher's connection stays
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 65535 })
