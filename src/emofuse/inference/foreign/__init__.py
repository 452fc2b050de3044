"""Other people's models, as `transformers` keeps them."""
