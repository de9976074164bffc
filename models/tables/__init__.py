"""Tables as lenders bring them, read in one place: for training, for sending, for the client store."""
