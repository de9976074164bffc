"""The gateway: HTTP on one side, the topics on the other. It scores nothing: it sends requests and awaits replies."""
