"""How good: predictions in, numbers out; no model is run here and no audio opened."""
