"""HTML reports of closed windows, made with Evidently in a child process."""
