"""CIFAR-10: the course's fine-tuned ResNet-50 (reference), and a small net from scratch (strong)."""
