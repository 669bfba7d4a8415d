"""Causal, stateful steps from raw samples to what a model sees."""
