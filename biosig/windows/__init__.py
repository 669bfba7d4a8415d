"""Continuous samples become windows: an index over signals, never a pile of copies."""
