"""Small real recordings that ship with biosig, and the scripts that cut them."""
