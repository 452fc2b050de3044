"""Many fits: cross-validation, final training, baselines, and the jobs that they are made of."""
