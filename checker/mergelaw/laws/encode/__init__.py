"""Core expressions as symbolic values: queries, merges and orders, expanded like macros at the keys that are read.

An `Encoder` is made in layers, each a class on top of the one before: values, relations between them, merges,
and the expressions that the other three are asked for.
"""

from mergelaw.laws.encode.expressions import Encoder
from mergelaw.laws.encode.scope import Context, Env, State
from mergelaw.laws.encode.values import Watch

__all__ = ["Context", "Encoder", "Env", "State", "Watch"]
