"""Prediction with trained models: the recogniser, runtimes, export, timelines, explanations, benchmarks."""
