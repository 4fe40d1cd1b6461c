; Stream: compatible a dot lives in one place by delta of create_group
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
