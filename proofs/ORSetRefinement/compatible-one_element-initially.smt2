; ORSetRefinement: compatible one_element initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
