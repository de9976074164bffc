"""The implementations compared with the product, each a process of its own."""
