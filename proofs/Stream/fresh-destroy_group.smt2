; Stream: fresh destroy_group
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
