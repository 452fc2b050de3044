"""Why a model said what it said: which words, which moments, and what is left without sound or without text."""
