; ResetCounter: invariant parts[].value.cancelled.plus.not_negative by delta of extend
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
