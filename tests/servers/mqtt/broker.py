"""broker.py TCP_PORT WS_PORT - the broker amqtt; at SIGTERM it prints what clients published."""
import asyncio, logging, signal, sys

from amqtt.broker import Broker
from amqtt.plugins.base import BasePlugin

published = 0


class Counter(BasePlugin):
    async def on_broker_message_received(self, *, client_id, message):
        global published
        published += 1


async def main():
    config = {
        "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:" + sys.argv[1], "max_connections": 0},
                      "web": {"type": "ws", "bind": "127.0.0.1:" + sys.argv[2], "max_connections": 0}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
                    "__main__.Counter": {}},
    }
    broker = Broker(config)
    await broker.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    print("published", published, flush=True)

logging.disable(logging.CRITICAL)
asyncio.run(main())
