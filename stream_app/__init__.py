"""The stream: loan requests come in, and each gets one decision or one rejection.

Start reading at :mod:`stream_app.pipeline`.
"""
