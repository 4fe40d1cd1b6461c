; Stream: compatible a dot lives in one place by delta of destroy_group
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
