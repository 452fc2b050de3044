"""Models of the Hub: by their names, in its own cache, looked through before anything of them is loaded."""
