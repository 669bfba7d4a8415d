"""Scores of recorded and live signals: one scorer, fed once or piece by piece."""
