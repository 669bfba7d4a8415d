"""Figures by the field's standards, from labels and scores alone."""
