"""`emofuse predict`: inputs, options, and writing what comes out."""
