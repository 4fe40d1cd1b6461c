; Stream: fresh set_id
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
