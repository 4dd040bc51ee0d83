"""One submission out of several kernels' probabilities."""
