"""The baseline every net must beat: scikit-learn's logistic regression on shrunk pixels."""
