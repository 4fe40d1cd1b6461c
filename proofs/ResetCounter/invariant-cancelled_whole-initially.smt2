; ResetCounter: invariant cancelled_whole initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
