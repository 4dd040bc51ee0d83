"""The training kit all baselines share: each module does one job, and only the torch-side modules import torch."""
