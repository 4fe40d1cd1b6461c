; Group: invariant start_when_created initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
