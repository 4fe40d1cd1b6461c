; CausalContext: invariant beyond_is_beyond initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
