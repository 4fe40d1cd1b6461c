"""The compiler's passes: close a clause over an instance, simplify it, print it as Python."""
