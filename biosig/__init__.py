"""ECG and EEG from file to score, causally."""
