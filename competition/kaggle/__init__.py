"""Competitions to and from Kaggle: what a host's page needs, and a competition of ours from Kaggle's files."""
