"""Figures: predictions and labels in, numbers out; nothing here runs a model or opens audio."""
