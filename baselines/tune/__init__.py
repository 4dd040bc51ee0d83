"""Finding good recipes: a search, a learning-rate range test, a batch-size finder and cross validation."""
