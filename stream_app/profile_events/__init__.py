"""Profiles as events: keeps a client store current from the topic of profiles, so that nobody stops to load a file."""
