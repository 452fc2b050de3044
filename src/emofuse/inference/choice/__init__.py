"""Which models are used, one or two together, and opening them for every door."""
