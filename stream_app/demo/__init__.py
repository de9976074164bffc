"""The product in one command: broker, scorer, monitor, gateway, a replay of the loan book, and its reconciliation.

Start reading at :mod:`stream_app.demo.run`.
"""
