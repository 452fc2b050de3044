"""Recordings of any length: stretches of speech, what is said of each, and the formats of the trade."""
