"""When a window is due to be closed, and closing it."""
