"""STL-10 with a multilayer perceptron: the four versions of the lab, and a better one within its rules."""
