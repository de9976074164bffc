"""The gateway: HTTP on one side, the topics on the other. It scores nothing; it asks, and waits for the answer."""
