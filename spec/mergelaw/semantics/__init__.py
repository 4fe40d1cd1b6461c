"""The evaluator: specs as executable Python, once interpreted and once compiled."""
