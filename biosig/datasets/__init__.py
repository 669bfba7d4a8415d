"""Named corpora with their labels and their subject-wise splits."""
