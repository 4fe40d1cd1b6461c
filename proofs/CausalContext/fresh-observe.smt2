; CausalContext: fresh observe
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
