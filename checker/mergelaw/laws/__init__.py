"""Proof obligations of a spec, and the two engines that decide them: prover (Z3) and finder (evaluator)."""
