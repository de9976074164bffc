"""What flows: loan requests in, one decision or one rejection each out.

Start reading at :mod:`stream_app.pipeline`.
"""
