; DotFun: compatible one_value initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
