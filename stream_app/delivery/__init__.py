"""How outputs get onto the broker and input offsets are committed: the lanes, one for each input partition.

``lanes`` has the promise and at-least-once, ``transactional_lanes`` exactly-once: by ``transactions``, with ``opening``
before all else and ``doubts`` looked up. ``publishing`` and ``commits`` are what they are made of.
"""
