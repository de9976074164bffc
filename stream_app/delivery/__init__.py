"""How outputs get onto the broker and input offsets are committed: the lanes, one for each input partition.

``protocol`` is what the agent relies on. ``at_least_once`` publishes with ``producer`` and commits with
``offset_commits``; ``exactly_once`` does both in one ``transactions``, with ``takeover`` before
it and ``in_doubt`` after a commit whose outcome is unknown. ``output_stamps`` says which time outputs carry.
"""
