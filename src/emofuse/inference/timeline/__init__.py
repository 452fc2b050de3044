"""Timelines of recordings: segments of speech with their predictions, and output formats."""
