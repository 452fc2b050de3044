"""Models that strangers made: looked through before they are loaded, and the one door to what loads them."""
