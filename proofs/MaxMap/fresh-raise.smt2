; MaxMap: fresh raise
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
