"""What was recorded: sound, words, manifests and splits, with numpy only."""
