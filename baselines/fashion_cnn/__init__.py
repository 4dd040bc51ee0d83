"""Fashion-MNIST: three course models, two losses, three optimizers as one grid, and a better net for any budget."""
