"""Explanations of predictions: which words, which moments, and the prediction without sound or without text."""
