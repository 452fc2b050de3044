"""How fast a machine runs a network: five systems side by side, in one run, each in a process of its own."""
