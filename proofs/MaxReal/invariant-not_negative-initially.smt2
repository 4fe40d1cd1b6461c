; MaxReal: invariant not_negative initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
