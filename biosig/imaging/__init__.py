"""Medical images: backbones with published weights, and picture files as arrays."""
