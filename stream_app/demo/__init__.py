"""The main job from one command: broker, topics, clients, scorer, replay of the loan book, and the accounts at the end.

Start reading at :mod:`stream_app.demo.run`.
"""
