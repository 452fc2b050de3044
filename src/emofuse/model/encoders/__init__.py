"""Our own encoders: small ones that are trained from scratch, and those of trained emofuse models."""
