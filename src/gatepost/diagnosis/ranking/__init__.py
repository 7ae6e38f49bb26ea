"""Which cause explains a log best: features of it, weighed by a model that was trained."""
