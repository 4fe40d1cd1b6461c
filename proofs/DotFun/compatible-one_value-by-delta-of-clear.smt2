; DotFun: compatible one_value by delta of clear
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
