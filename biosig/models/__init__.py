"""Networks with one constructor contract."""
