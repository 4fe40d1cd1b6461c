; Stream: fresh create_group
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
