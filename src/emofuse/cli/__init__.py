"""The command line: each command short, heavy imports inside."""
