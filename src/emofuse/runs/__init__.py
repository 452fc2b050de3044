"""Run folders and what is computed from them: predictions, results, comparisons, signatures; no torch."""
