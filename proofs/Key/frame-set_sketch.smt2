; Key: frame set_sketch
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
