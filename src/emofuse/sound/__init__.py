"""Files to samples: opening, streaming, level, channels, voice activity, filter banks; numpy only."""
