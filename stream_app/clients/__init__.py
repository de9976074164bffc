"""The client store: profile and latest application by client id, each looked up once per batch.

A profile is what is known of a client beforehand; the latest application is what the client last asked for. Both are
JSON objects of the contract's features. Two stores keep them, one SQLite file (embedded) or a Redis server, behind one
protocol; a worker only reads, ``stream-app clients load`` writes, and both may happen at once.
"""

from stream_app.clients.sqlite_store import SQLiteClients
from stream_app.clients.store import ClientStore, open_clients

__all__ = ["ClientStore", "SQLiteClients", "open_clients"]
