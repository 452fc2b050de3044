"""How it is used: a recogniser that knows a `Runtime`, not torch."""
