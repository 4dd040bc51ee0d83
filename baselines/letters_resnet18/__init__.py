"""Handwritten letters: the course's fine-tuned ResNet-18, Adam against SGD, and a residual net for small images."""
