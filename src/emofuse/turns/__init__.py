"""Who spoke when and which words, read from the files that people and programs write."""
