"""Files on disk become recordings in physical units."""
