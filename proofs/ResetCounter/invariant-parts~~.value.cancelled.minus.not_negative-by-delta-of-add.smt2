; ResetCounter: invariant parts[].value.cancelled.minus.not_negative by delta of add
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
