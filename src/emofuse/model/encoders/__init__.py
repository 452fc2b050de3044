"""Our own small encoders, trained from scratch."""
