"""What watches: metrics now, windows and drift of the decision stream beside them."""
