"""What participants run: one package a baseline, and the training kit they share."""
